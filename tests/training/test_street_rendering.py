"""Runs on driving logs rendered and edited."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import metrics
import render
from core.errors import UserError
from core.images import read_image
from scene.gaussian_model import StaticGaussians
from tests.training.streets import FRAMES
from tests.training.test_street_runs import labelled, make_run
from training.rendering import RenderOptions
from training.street_rendering import StreetRenderOptions, edited, render_street
from training.street_runs import open_street
from training.street_views import TrainedStreet


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("rendered"))


@pytest.fixture
def street(trained: Path) -> TrainedStreet:
    """With the label of the box that drives."""
    opened = open_street(trained)
    return replace(opened, capture=replace(opened.capture, drive=labelled(opened.drive)))


def test_views_videos_and_a_file_a_frame(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["-m", str(trained), "--video", "--ply-sequence", "--shift-m", "1", "-0.5"]) == 0
    folders = [trained / name for name in ("train/ours_24", "test/ours_24", "videos", "ply")]
    assert capsys.readouterr().out.splitlines() == [str(folder) for folder in folders]
    assert len(list((folders[0] / "renders").iterdir())) == 10
    assert sorted(path.name for path in folders[1].iterdir()) == ["depth", "gt", "moving", "renders"]
    names = {path.stem for path in folders[2].glob("*.mp4")}
    assert {"rgbs", "s_curve", "lateral_shift_1m", "lateral_shift_0.5m_right"} < names
    assert len(names) == 8
    assert len(list(folders[3].glob("frame000*.ply"))) == FRAMES
    assert metrics.main(["-m", str(trained)]) == 0
    assert "psnr_channels" in capsys.readouterr().out


def redness(street: TrainedStreet, row: int) -> torch.Tensor:
    """How much redder than green a view of the street is, by columns."""
    image = street.scene.draw(street.capture.cameras[row], street.time_of(row)).image
    return (image[..., 0] - image[..., 1]).clamp(min=0).sum(0)


def test_an_object_is_left_out(street: TrainedStreet) -> None:
    without = edited(street, StreetRenderOptions(without_track=("box",)))
    assert without.folder.path == street.folder.path / "edits" / "without_box"
    for row in range(len(street.capture)):
        assert redness(without, row).max() < 1e-3
    assert max(redness(street, row).max() for row in range(len(street.capture))) > 1


def test_an_object_is_put_aside(street: TrainedStreet) -> None:
    moved = edited(street, StreetRenderOptions(move_track=("box", 0.0, 2.0)))
    row = 5  # of the right camera, which has the box before it
    places = torch.arange(street.capture.cameras[row].size[0])
    before, after = redness(street, row), redness(moved, row)
    assert (after * places).sum() / after.sum() < (before * places).sum() / before.sum() - 2
    (folder,) = render_street(
        street,
        RenderOptions(skip_train=True, skip_test=True),
        StreetRenderOptions(ply_sequence=True, move_track=("box", 0.0, 2.0)),
    )
    assert folder == street.folder.path / "edits" / "moved_box_0_2" / "ply"
    own = street.scene.model.splats(0.0).means[40:].detach()
    written = StaticGaussians.load_ply(folder / "frame0001.ply").parameters["means"][40:]
    torch.testing.assert_close(written, own + torch.tensor([0.0, 2.0, 0.0]))


def test_edits_stay_inside_the_run(street: TrainedStreet) -> None:
    name = "../../box"
    boxes = [tuple(replace(box, track=name) for box in each) for each in labelled(street.drive).boxes or ()]
    capture = replace(street.capture, drive=replace(street.drive, boxes=boxes))
    without = edited(replace(street, capture=capture), StreetRenderOptions(without_track=(name,)))
    assert without.folder.path.parent == street.folder.path / "edits"


def test_a_path_of_new_cameras(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["-m", str(trained), "--path", "spline", "--frames", "3"]) == 0
    folder = trained / "spline" / "ours_24"
    assert capsys.readouterr().out.splitlines() == [str(folder)]
    assert len(list((folder / "renders").iterdir())) == 3
    assert render.main(["-m", str(trained), "--path", "orbit"]) == 2
    assert "--path spline is a smooth drive" in capsys.readouterr().err


def test_views_are_those_asked_for(street: TrainedStreet) -> None:
    (folder,) = render_street(street, RenderOptions(skip_train=True), StreetRenderOptions())
    assert folder.parent.name == "test"
    assert read_image(folder / "depth" / "00000.png").shape == (32, 48, 3)


def test_what_means_nothing_is_told(
    trained: Path, street: TrainedStreet, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="--fps means nothing for a run on a driving log"):
        render_street(street, RenderOptions(fps=24.0), StreetRenderOptions())
    assert render.main(["-m", str(trained), "--without-track", "box"]) == 2
    assert "the log has no boxes" in capsys.readouterr().err
    assert render.main(["-m", str(trained.parent), "--ply-sequence"]) == 2
    assert "need -m RUN of a driving log" in capsys.readouterr().err
