"""The synthetic scenes of NeRF: train and test lists, one angle, alpha, no points."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from scene.datasets import CaptureOptions, open_capture
from scene.splits import SplitOptions, split_views
from tests.scene.datasets.sources import write_image, write_transforms

ANGLE = 2 * np.arctan(0.5)  # a focal length of one image width


def write_part(source: Path, part: str, count: int) -> np.ndarray:
    """One list of views and its images with alpha."""
    viewmats = write_transforms(
        source, count, folder=part, file=f"transforms_{part}.json", file_path=f"./{part}/{{stem}}",
        fl_x=None, fl_y=None, cx=None, cy=None, w=None, h=None, camera_angle_x=ANGLE,
    )  # fmt: skip
    for number in range(1, count + 1):
        write_image(source / part / f"{number:04d}.png", 16, 12, number, channels=4)
    return viewmats


def test_a_scene(tmp_path: Path) -> None:
    train, test = write_part(tmp_path, "train", 3), write_part(tmp_path, "test", 2)
    write_part(tmp_path, "val", 2)
    capture = open_capture(tmp_path, CaptureOptions(random_points=1000))
    assert capture.image_names == (
        "test/0001.png", "test/0002.png", "train/0001.png", "train/0002.png", "train/0003.png",
    )  # fmt: skip
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), [*test, *train], atol=1e-6)
    np.testing.assert_allclose(capture.cameras.Ks[0].numpy(), [[16, 0, 8], [0, 16, 6], [0, 0, 1]], rtol=1e-6)
    assert capture.points is not None
    assert len(capture.points) == 1000
    assert capture.points.xyz.abs().max() <= 1.3
    split = split_views(capture, SplitOptions())
    assert (split.train, split.test) == ((2, 3, 4), (0, 1))


def test_frames_may_be_listed_with_an_extension(tmp_path: Path) -> None:
    write_part(tmp_path, "train", 2)
    path = tmp_path / "transforms_train.json"
    path.write_text(path.read_text().replace("/0001", "/0001.png").replace("/0002", "/0002.jpg"))
    (tmp_path / "train" / "0002.png").rename(tmp_path / "train" / "0002.jpg")
    assert open_capture(tmp_path).image_names == ("train/0001.png", "train/0002.jpg")


def test_validation_views_stand_in_for_test_views(tmp_path: Path) -> None:
    write_part(tmp_path, "train", 2)
    write_part(tmp_path, "val", 1)
    capture = open_capture(tmp_path)
    assert split_views(capture, SplitOptions()).test == (2,)
    assert capture.image_names[2] == "val/0001.png"


def test_a_list_without_an_angle_is_named(tmp_path: Path) -> None:
    write_part(tmp_path, "train", 2)
    path = tmp_path / "transforms_train.json"
    path.write_text(path.read_text().replace("camera_angle_x", "angle"))
    with pytest.raises(UserError, match=r"transforms_train\.json, \./train/0001 has neither fl_x"):
        open_capture(tmp_path)
