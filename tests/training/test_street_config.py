"""Which views are held out, what training sees of them, and the field that is asked for."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from configs.street import PRESETS
from scene.datasets import open_log
from scene.splits import split_frames
from tests.training.streets import write_log
from training.street_config import StreetConfig, box_of, make_deformation, seen_by


def test_views_of_whole_frames_are_held_out(tmp_path: Path) -> None:
    capture = open_log(write_log(tmp_path / "log"))
    assert split_frames(capture, 0).test == ()
    split = split_frames(capture, 2)
    drive = capture.drive
    assert drive is not None
    assert sorted(set(drive.view_frames[list(split.test)].tolist())) == [2, 4]
    assert len(split.test) == 4
    seen = seen_by(capture, split)
    assert seen.drive is not None
    assert seen.image_names == tuple(capture.image_names[view] for view in split.train)
    assert [sweep is None for sweep in seen.drive.sweeps] == [False, False, True, False, True, False]
    assert torch.equal(seen.images[4], capture.images[split.train[4]])
    assert len(seen.cameras) == len(seen.drive.view_times_s) == 8


def test_a_box_around_what_moves() -> None:
    xyz = torch.randn(50, 3)
    low, high = box_of(xyz)
    assert (xyz > low + 4).all()
    assert (xyz < high - 4).all()
    assert (box_of(xyz[:0])[1] > box_of(xyz[:0])[0]).all()


@pytest.mark.parametrize("encoder", ["hash", "hexplane", "none"])
def test_the_field_that_is_asked_for(encoder: str) -> None:
    config = replace(PRESETS["street-tiny"], encoder_type=encoder)  # pyright: ignore[reportArgumentType]
    box = box_of(torch.rand(4, 3))
    made = [make_deformation(config, box, 5) for _ in range(2)]
    if encoder == "none":
        assert made == [None, None]
        return
    first, second = (one.state_dict() for one in made if one is not None)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_static_stage_has_its_own_length() -> None:
    config = PRESETS["street-test"]
    assert config.static_fit.schedule.iterations == config.static_iterations == 2_000
    assert replace(config.static_fit, schedule=config.fit.schedule) == config.fit


def test_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="stride"):
        StreetConfig(stride=-1)
