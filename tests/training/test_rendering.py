"""Runs rendered into folders: views beside their photographs, paths, Gaussians of any origin."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.images import read_image, to_uint8
from core.run_folder import RunFolder
from gaussian_renderer import render
from scene.cameras_json import write_cameras_json
from scene.gaussian_model import StaticGaussians
from scene.splits import Split
from tests.training.captures import tiny_capture, truth
from training.rendering import (
    GaussiansFile,
    RenderOptions,
    render_captured,
    render_file,
    render_path,
    render_run,
)
from training.runs import TrainedRun
from training.static import StaticConfig

OPTIONS = RenderOptions(backend="reference", frames=5)


def tiny_run(path: Path) -> TrainedRun:
    """A run whose Gaussians are the truth, so that renderings are the photographs."""
    capture = tiny_capture()
    splats = StaticGaussians.from_splats(truth()).splats()
    splats = replace(
        splats,
        **{name: getattr(splats, name).detach() for name in ("means", "quats", "scales", "opacities", "sh")},
    )
    split = Split((1, 2, 4, 5), (0, 3), "by hand")
    return TrainedRun(RunFolder(path), path, StaticConfig(), capture, split, 60, splats, None, False)


def pictures(folder: Path) -> list[np.ndarray]:
    return [read_image(path) for path in sorted(folder.glob("*.png"))]


def test_each_set_has_its_views_in_order_beside_their_photographs(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    for views, rows in (("train", run.split.train), ("test", run.split.test)):
        folder = render_captured(run, views, OPTIONS)
        assert folder == tmp_path / views / "ours_60"
        renders, photographs = pictures(folder / "renders"), pictures(folder / "gt")
        assert len(renders) == len(photographs) == len(rows)
        for row, render_, photograph in zip(rows, renders, photographs, strict=True):
            assert np.array_equal(photograph, run.capture.images[row].numpy())
            assert np.abs(render_.astype(int) - photograph).max() <= 1
        assert len(pictures(folder / "depth")) == (len(rows) if views == "test" else 0)


@pytest.mark.parametrize(
    ("skipped", "left"),
    [({}, ["train", "test"]), ({"skip_train"}, ["test"]), ({"skip_train", "skip_test"}, [])],
)
def test_sets_can_be_left_out(tmp_path: Path, skipped: set[str], left: list[str]) -> None:
    folders = render_run(tiny_run(tmp_path), replace(OPTIONS, **dict.fromkeys(skipped, True)))
    assert [folder.parent.name for folder in folders] == left
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(left)


def test_training_views_have_their_exposure_and_held_out_ones_none(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    halved = torch.cat([0.5 * torch.eye(3), torch.zeros(3, 1)], dim=1)
    run = replace(run, exposures={run.capture.image_names[row]: halved for row in run.split.train})
    darker = pictures(render_captured(run, "train", OPTIONS) / "renders")[0]
    as_is = pictures(render_captured(run, "test", OPTIONS) / "renders")[0]
    assert np.abs(2.0 * darker - run.capture.images[1].numpy()).max() <= 2
    assert np.abs(as_is - run.capture.images[0].numpy().astype(int)).max() <= 1


def test_depth_alone_leaves_colours_as_they_are(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    folder = render_captured(run, "train", replace(OPTIONS, depth_only=True))
    assert {path.name for path in folder.iterdir()} == {"depth", "depth_16bit", "depth_alpha"}


def test_captured_views_as_a_video(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    options = replace(OPTIONS, video=True, fps=12.0)
    for folder, count in zip(render_run(run, options), (4, 2), strict=True):
        with av.open(str(folder / "renders.mp4")) as container:
            assert container.streams.video[0].average_rate == 12
            assert sum(1 for _ in container.decode(video=0)) == count
    none_held_out = replace(run, split=Split((0, 1), (), "every view trains"))
    folder = render_captured(none_held_out, "test", options)
    assert not list((folder / "renders").iterdir())


def test_a_video_needs_views_of_one_size(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    cameras = run.capture.cameras
    width = cameras.width.clone()
    width[1] += 2
    run = replace(run, capture=replace(run.capture, cameras=replace(cameras, width=width)))
    with pytest.raises(UserError, match="--video: the views have 2 sizes"):
        render_captured(run, "train", replace(OPTIONS, video=True))
    assert not list(tmp_path.rglob("*.png"))


def test_no_held_out_view_leaves_empty_folders(tmp_path: Path) -> None:
    run = replace(tiny_run(tmp_path), split=Split((0, 1), (), "every view trains"))
    folder = render_captured(run, "test", OPTIONS)
    assert (folder / "renders").is_dir()
    assert not list(folder.glob("*/*.png"))


@pytest.mark.parametrize("name", ["orbit", "spline", "spiral"])
def test_paths_are_images_and_a_video(tmp_path: Path, name: str) -> None:
    folder = render_path(tiny_run(tmp_path), name, replace(OPTIONS, depth=True, fps=12.0))
    assert folder == tmp_path / name / "ours_60"
    assert len(pictures(folder / "renders")) == 5
    assert any(picture.any() for picture in pictures(folder / "renders")), "the path sees nothing"
    for video in ("renders.mp4", "depth.mp4"):
        with av.open(str(folder / video)) as container:
            assert container.streams.video[0].average_rate == 12
            assert sum(1 for _ in container.decode(video=0)) == 5


def test_gaussians_of_any_origin(tmp_path: Path) -> None:
    cameras = tiny_capture().cameras[[3, 1]]
    StaticGaussians.from_splats(truth()).save_ply(tmp_path / "any.ply")
    write_cameras_json(tmp_path / "cameras.json", cameras, ["b", "a"])
    file = GaussiansFile(tmp_path / "any.ply", tmp_path / "cameras.json", tmp_path / "out")
    assert render_file(file, replace(OPTIONS, white_background=True)) == tmp_path / "out"
    renders = pictures(tmp_path / "out" / "renders")
    assert len(renders) == 2
    for row, picture in enumerate(renders):
        drawn = render(truth(), cameras[row], background=torch.ones(3), backend="reference").images[0]
        assert np.abs(picture.astype(int) - to_uint8(drawn).numpy()).max() <= 1


def test_what_a_file_needs_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--cameras FILE"):
        render_file(GaussiansFile(ply=tmp_path / "any.ply"), OPTIONS)
    StaticGaussians.from_splats(truth()).save_ply(tmp_path / "any.ply")
    with pytest.raises(UserError, match=r"cameras\.json"):
        render_file(GaussiansFile(tmp_path / "any.ply", tmp_path / "cameras.json", tmp_path / "out"), OPTIONS)
    assert not (tmp_path / "out").exists()


def test_masks_alone_leave_colours_as_they_are(tmp_path: Path) -> None:
    folders = render_run(tiny_run(tmp_path), replace(OPTIONS, override_visibility_mask=True))
    assert len(folders) == 4
    assert all(folder.name.startswith("visibility_mask_global_2ndpick_th0.5") for folder in folders)
    assert {path.name for path in (tmp_path / "train" / "ours_60").iterdir()} == {f.name for f in folders}


def test_depth_may_be_arrays(tmp_path: Path) -> None:
    folder = render_captured(
        tiny_run(tmp_path), "test", replace(OPTIONS, depth_only=True, depth_format="npz")
    )
    names = sorted(path.name for path in (folder / "depth_npz").iterdir())
    assert names == ["00000.npz", "00001.npz", "views.json"]
