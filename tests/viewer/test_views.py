"""Which view is meant."""

import math

import numpy as np
import torch

from scene.cameras import Cameras
from tests.training.captures import ring, truth
from tests.viewer.subjects.splats import SplatSubject
from viewer.subject import KnownView
from viewer.views import first_view, nearest_view, same_view, view_at


def turned(x: float, yaw: float) -> Cameras:
    """A camera at a place on the z axis, turned away from it."""
    c2w = torch.eye(4)
    c2w[:3, :3] = torch.tensor(
        [[math.cos(yaw), 0.0, math.sin(yaw)], [0.0, 1.0, 0.0], [-math.sin(yaw), 0.0, math.cos(yaw)]]
    )
    c2w[2, 3] = x
    K = torch.tensor([[[30.0, 0.0, 16.0], [0.0, 30.0, 12.0], [0.0, 0.0, 1.0]]])
    return Cameras(torch.linalg.inv(c2w)[None], K, torch.tensor([32]), torch.tensor([24]))


RIG = tuple(
    KnownView(f"{frame}{name}", turned(float(frame), yaw), frame != 0, 0.1 * frame, name)
    for frame in range(3)
    for name, yaw in (("left", -0.8), ("front", 0.0), ("right", 0.8))
)


def test_a_visit_begins_with_the_camera_ahead_that_trained() -> None:
    assert RIG[first_view(RIG)].name == "1front"
    assert first_view(RIG[:1]) == 0


def test_the_same_camera_at_another_time() -> None:
    assert RIG[view_at(RIG, 2, 0.19)].name == "2right"
    assert view_at(RIG, 2, None) == 2


def test_the_same_image_in_another_run() -> None:
    assert [same_view(RIG[3:], view) for view in RIG] == [None, None, None, 0, 1, 2, 3, 4, 5]


def test_the_nearest_view_of_a_ring() -> None:
    subject = SplatSubject(truth(), ring(6))
    for row, view in enumerate(subject.views):
        pose = view.camera.c2w[0].double().numpy().copy()
        pose[:3, 3] += 0.05
        assert nearest_view(subject, pose) == row
    assert nearest_view(subject, None) == 0


def test_of_views_at_one_place_the_one_of_the_time() -> None:
    subject = SplatSubject(truth(), ring(1))
    subject.views = tuple(KnownView(str(row), turned(0.0, 0.0), True, float(row)) for row in range(4))
    assert nearest_view(subject, np.eye(4), 2.2) == 2
    subject.views = ()
    assert nearest_view(subject, np.eye(4)) is None
