"""Where a page begins to look from."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.geometry import project_points
from tests.training.captures import ring
from tests.viewer.formats.scenes import drawn, scene
from viewer.formats.viewpoints import viewpoints


def test_cameras_turn_around_what_they_look_at() -> None:
    places = viewpoints(scene())
    assert places.names == ("a.png", "b.png", "c.png", "d.png")
    np.testing.assert_allclose(places.up, [0, -1, 0], atol=1e-6)
    assert places.distances == pytest.approx([np.hypot(4, 0.8)] * 4, rel=1e-4)


def test_parallel_cameras_turn_around_the_middle_of_what_they_see() -> None:
    cameras = ring(4)[[0, 0, 0]]
    viewmats = cameras.viewmats.clone()
    viewmats[:, 0, 3] += torch.tensor([-0.5, 0, 0.5])
    places = viewpoints(replace(scene(), cameras=replace(cameras, viewmats=viewmats), names=("a", "b", "c")))
    assert places.distances == pytest.approx([np.hypot(4, 0.8)] * 3, rel=0.05)


def test_a_camera_with_its_back_to_the_scene_has_a_distance_too() -> None:
    viewmats = ring(4).viewmats.clone()
    viewmats[:, :3, 3] -= torch.tensor([0.0, 0, 100])
    places = viewpoints(replace(scene(), cameras=replace(ring(4), viewmats=viewmats)))
    assert all(distance > 0 for distance in places.distances)


def test_without_cameras_one_sees_the_scene() -> None:
    """Nine of ten Gaussians at least, upright, and not from far away."""
    bare = replace(scene(), cameras=None, names=())
    places = viewpoints(bare)
    assert places.names == ("overview",)
    width, height = places.cameras.size
    pixels, depths = project_points(
        torch.from_numpy(bare.splats.means), places.cameras.viewmats[0], places.cameras.Ks[0]
    )
    inside = (depths > 0) & (pixels > 0).all(-1) & (pixels < torch.tensor([width, height])).all(-1)
    assert inside.float().mean() > 0.85
    assert float(places.cameras.c2w[0, 1, 1]) > 0.9
    assert drawn(bare.splats, places.cameras).mean() > 0.05


def test_one_gaussian_is_seen() -> None:
    one = replace(scene(1), cameras=None, names=())
    assert drawn(one.splats, viewpoints(one).cameras).max() > 0
