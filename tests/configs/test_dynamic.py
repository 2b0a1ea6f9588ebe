"""Presets of the dynamic method are configurations that come back from JSON."""

from dataclasses import replace
from pathlib import Path

import pytest

from configs.dynamic import PRESETS, check_effect
from core import cli
from core.errors import UserError
from core.serialization import config_from_json, config_to_json
from tests.scene.published import write_published
from training.dynamic import DynamicConfig


@pytest.mark.parametrize("name", PRESETS)
def test_round_trip(name: str) -> None:
    assert config_from_json(DynamicConfig, config_to_json(PRESETS[name])) == PRESETS[name]


def test_the_default_is_the_default() -> None:
    assert PRESETS["default"] == DynamicConfig()


def test_every_flag_has_a_name_of_its_own() -> None:
    """Flags of nested configurations have no prefix; two of one name would not parse at all."""
    words = [
        "--frame-stride",
        "2",
        "--long-side",
        "256",
        "--seed",
        "4",
        "--no-optim-pose",
        "--hold-out",
        "das3r",
    ]
    config = cli.parse(DynamicConfig, args=words)
    assert (config.frames.frame_stride, config.predictor.long_side, config.seed) == (2, 256, 4)
    assert not config.poses.optim_pose


@pytest.mark.parametrize(
    "words",
    [
        "--max-frames 20", "--frame-stride 2", "--first-frames 9", "--shot 2", "--frame-long-side 300",
        "--predictor das3r", "--flow raft", "--long-side 256", "--rounds 3", "--alignment-steps 9",
    ],
)  # fmt: skip
def test_flags_that_a_prediction_leaves_without_effect_are_refused(tmp_path: Path, words: str) -> None:
    source = tmp_path / "raw"
    write_published(source, rearranged=False)
    flag = "a flag of the alignment" if "alignment" in words else words.split(maxsplit=1)[0]
    with pytest.raises(UserError, match=f"predicted already, so {flag} would change nothing"):
        check_effect(source, cli.parse(DynamicConfig, args=words.split()))
    for preset in PRESETS.values():
        check_effect(source, replace(preset, seed=4))
    check_effect(tmp_path / "film.mp4", cli.parse(DynamicConfig, args=words.split()))


def test_another_folder_of_images_is_no_option_of_a_video(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"-i images_4 would change nothing, as .*film\.mp4 is no capture"):
        check_effect(tmp_path / "film.mp4", cli.parse(DynamicConfig, args=["-i", "images_4"]))
