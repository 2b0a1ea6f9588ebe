"""From a source to a capture: what is left out, noted and refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from scene.capture import PointCloud
from scene.datasets import CaptureOptions, open_capture
from scene.datasets.assemble import assemble
from scene.datasets.lenses import Lens
from scene.datasets.source import SourceScene, SourceView
from tests.scene.datasets.sources import PINHOLE, ring, write_colmap, write_image


def make_scene(source: Path, names: tuple[str, ...], points: PointCloud | None = None) -> SourceScene:
    """A scene whose images exist."""
    for name in names:
        write_image(source / name, 32, 24)
    poses = ring(len(names))
    return SourceScene(
        [SourceView(name, source / name, pose, PINHOLE) for name, pose in zip(names, poses, strict=True)],
        points,
    )


def test_views_are_sorted_by_name_with_their_poses(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, ("b.png", "c.png", "a.png"))
    capture = assemble(tmp_path, scene, CaptureOptions())
    assert capture.image_names == ("a.png", "b.png", "c.png")
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), ring(3)[[2, 0, 1]], atol=1e-6)
    assert capture.cameras.viewmats.dtype == torch.float32
    assert capture.name == tmp_path.name


def test_sizes_may_differ(tmp_path: Path) -> None:
    lenses = [PINHOLE, Lens("SIMPLE_PINHOLE", (20.0, 10.0, 7.0), 20, 14), PINHOLE]
    write_colmap(tmp_path, lenses=lenses)
    capture = open_capture(tmp_path)
    assert [tuple(image.shape) for image in capture.images] == [(24, 32, 3), (14, 20, 3), (24, 32, 3)]
    assert capture.cameras.width.tolist() == [32, 20, 32]
    assert capture.cameras.Ks[1].tolist() == [[20, 0, 10], [0, 20, 7], [0, 0, 1]]
    assert capture.notes == ()


def test_points_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    xyz = torch.tensor([[0.0, 0, 0], [torch.nan, 0, 0], [1, 1, 1], [torch.inf, 0, 0]])
    points = PointCloud(xyz, torch.arange(12, dtype=torch.uint8).reshape(4, 3))
    capture = assemble(tmp_path, make_scene(tmp_path, ("a.png", "b.png"), points), CaptureOptions())
    assert capture.points is not None
    assert capture.points.xyz.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert capture.points.rgb.tolist() == [[0, 1, 2], [6, 7, 8]]
    assert "2 points are not finite and were left out" in capture.notes


def test_images_that_are_all_missing(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    for path in (tmp_path / "images").iterdir():
        path.rename(path.with_name(f"renamed_{path.name}"))
    with pytest.raises(UserError, match=r"none of the 3 images of .* exists: .*0001\.png is the first"):
        open_capture(tmp_path)


def test_one_image_is_not_enough(tmp_path: Path) -> None:
    write_colmap(tmp_path, count=1)
    with pytest.raises(UserError, match="has 1 image with a pose; at least 2 were expected"):
        open_capture(tmp_path)


def test_a_name_that_comes_twice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lists the image a\.png 2 times"):
        assemble(tmp_path, make_scene(tmp_path, ("a.png", "a.png")), CaptureOptions())


def test_a_git_lfs_pointer_instead_of_an_image(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    (tmp_path / "images" / "0002.png").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    with pytest.raises(UserError, match=r"0002\.png is a Git-LFS pointer, not an image; run `git lfs pull`"):
        open_capture(tmp_path)


def test_an_image_on_its_side_is_refused(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    write_image(tmp_path / "images" / "0003.png", 24, 32)
    with pytest.raises(UserError, match=r"0003\.png is 24x32, but its camera was calibrated for 32x24"):
        open_capture(tmp_path)


def test_a_camera_that_sees_all_around_is_refused(tmp_path: Path) -> None:
    write_colmap(tmp_path, count=2, lenses=[Lens("EQUIRECTANGULAR", (32.0, 16.0), 32, 16)] * 2)
    with pytest.raises(UserError, match="sees all around"):
        open_capture(tmp_path)


@pytest.mark.parametrize("options", [CaptureOptions(masks="nope"), CaptureOptions(images="nope")])
def test_a_folder_that_was_asked_for_must_exist(tmp_path: Path, options: CaptureOptions) -> None:
    write_colmap(tmp_path)
    with pytest.raises(UserError, match="nope"):
        open_capture(tmp_path, options)


def test_a_mirrored_pose_is_refused(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, ("a.png", "b.png"))
    scene.views[1].viewmat[0] *= -1
    with pytest.raises(UserError, match=r"the pose of b\.png is no rotation"):
        assemble(tmp_path, scene, CaptureOptions())


@pytest.mark.parametrize(
    ("lens", "sentence"),
    [
        (Lens("PINHOLE", (30.0, 0.0, 16.0, 12.0), 32, 24), "a positive focal length was expected"),
        (
            Lens("PINHOLE", (30.0, float("nan"), 16.0, 12.0), 32, 24),
            "finite numbers and a size were expected",
        ),
        (Lens("PINHOLE", (30.0, 30.0, 16.0, 12.0), 0, 24), "finite numbers and a size were expected"),
    ],
)
def test_a_broken_camera_is_refused(tmp_path: Path, lens: Lens, sentence: str) -> None:
    scene = make_scene(tmp_path, ("a.png", "b.png"))
    scene.views[0] = replace(scene.views[0], lens=lens)
    with pytest.raises(UserError, match=rf"the camera of a\.png is broken: .*{sentence}"):
        assemble(tmp_path, scene, CaptureOptions())
