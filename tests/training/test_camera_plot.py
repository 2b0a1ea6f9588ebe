"""The plot shows the path as the first camera sees it."""

from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.images import read_image
from scene import Cameras
from tests.training.captures import ring
from training.camera_plot import seen_from_first, write_camera_plot


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(1, 8))
def test_the_first_camera_is_the_origin_whatever_the_world_is(seed: int, count: int) -> None:
    cameras = ring(12)[list(range(count))]
    random = np.random.default_rng(seed)
    world = np.eye(4)
    world[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    world[:3, 3] = random.normal(size=3)
    moved = Cameras(
        cameras.viewmats @ torch.from_numpy(world).float(), cameras.Ks, cameras.width, cameras.height
    )
    centers, directions = seen_from_first(cameras)
    assert np.abs(centers[0]).max() < 1e-5
    np.testing.assert_allclose(directions[0], (0, 0, 1), atol=1e-5)
    for ours, theirs in zip((centers, directions), seen_from_first(moved), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_any_path_has_a_picture(tmp_path: Path) -> None:
    for name, rows in (("path", list(range(15))), ("rest", [0] * 5), ("one", [0])):
        write_camera_plot(tmp_path / f"{name}.png", ring(40)[rows])
        image = read_image(tmp_path / f"{name}.png")
        assert image.shape[1] > 2 * image.shape[0]
        assert (image < 128).any()
