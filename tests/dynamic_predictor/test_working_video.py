"""Frames as a network sees them, and what the user knows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.images import write_png
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.working_video import prepare_video
from scene.cameras import Cameras

CONFIG = PredictorConfig(predictor="das3r", long_side=64)
WIDE = torch.zeros(50, 100, 3, dtype=torch.uint8)


def test_frames_are_resized_and_cut_to_patches() -> None:
    video = prepare_video([WIDE, WIDE], ["a.png", "b.png"], CONFIG)
    assert video.shape == (32, 64)
    assert [image.shape for image in video.images] == [(32, 64, 3)] * 2
    assert video.user_masks is None
    assert video.known.c2w is None


def test_masks_are_cut_as_the_frames_are(tmp_path: Path) -> None:
    mask = np.zeros((50, 100), np.uint8)
    mask[:, :50] = 255
    write_png(tmp_path / "a.png", mask)
    video = prepare_video([WIDE], ["a.jpg"], PredictorConfig(long_side=64, user_masks=tmp_path))
    assert video.user_masks is not None
    assert video.user_masks[0, :, :31].all()
    assert not video.user_masks[0, :, 33:].any()


def test_nothing_moves_where_everything_is_assumed_to_stand_still(tmp_path: Path) -> None:
    video = prepare_video([WIDE, WIDE], ["a", "b"], replace(CONFIG, assume_static=True))
    assert video.user_masks is not None
    assert video.user_masks.shape == (2, 32, 64)
    assert not video.user_masks.any()
    with pytest.raises(ValueError, match="assume_static"):
        replace(CONFIG, assume_static=True, user_masks=tmp_path)


def test_known_focal_lengths_are_in_pixels_of_the_working_image() -> None:
    video = prepare_video([WIDE], ["a"], PredictorConfig(long_side=64, focal_px=100.0))
    assert video.known.focals is not None
    assert video.known.focals.item() == pytest.approx(64)


def test_known_cameras_bring_their_focal_length() -> None:
    K = torch.tensor([[200.0, 0, 50], [0, 200, 25], [0, 0, 1]])
    sides = torch.full((2,), 100), torch.full((2,), 50)
    cameras = Cameras(torch.eye(4).repeat(2, 1, 1), K.repeat(2, 1, 1), *sides)
    video = prepare_video([WIDE, WIDE], ["a", "b"], CONFIG, cameras, torch.tensor([True, False]))
    assert video.known.focals is not None
    assert video.known.focals.item() == pytest.approx(128)
    assert video.known.which is not None
    assert video.known.which.tolist() == [True, False]


def test_no_frames_and_frames_of_two_sizes_are_refused() -> None:
    with pytest.raises(UserError, match="no frames"):
        prepare_video([], [], CONFIG)
    with pytest.raises(UserError, match="one size"):
        prepare_video([WIDE, WIDE[:40]], ["a", "b"], CONFIG)


def test_masks_of_another_size_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(UserError, match="size"):
        prepare_video([WIDE], ["a.png"], PredictorConfig(user_masks=tmp_path))


def test_poses_that_were_not_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="known_cameras"):
        prepare_video([WIDE], ["a.png"], PredictorConfig(user_poses=tmp_path / "poses.txt"))
