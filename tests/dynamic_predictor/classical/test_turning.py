"""Cameras that stand or turn, from their exact homographies."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dynamic_predictor.classical.structure import GUESS
from dynamic_predictor.classical.turning import STILL_PX, Turning, image_motion_px, standing, turning
from scene.cameras import Cameras
from tests.dynamic_predictor.classical.rooms import (
    FOCAL,
    HEIGHT,
    WIDTH,
    blank,
    cameras_at,
    disc,
    known_flow,
    still_flow,
    turns_on_the_spot,
    walk,
)


def rotation_errors(found: Turning, exact: Cameras) -> np.ndarray:
    """Angles in radians between found and exact rotations, both from the first frame."""
    relative = exact.viewmats[:, :3, :3] @ exact.viewmats[0, :3, :3].T
    return Rotation.from_matrix((found.viewmats[:, :3, :3] @ relative.mT).numpy()).magnitude()


@pytest.mark.parametrize("focal", [60.0, 110.0])
@pytest.mark.parametrize("known", [True, False])
def test_exact_homographies_give_back_rotations_and_focal_length(focal: float, known: bool) -> None:
    cameras = turns_on_the_spot(6, focal=focal)
    found = turning(still_flow(cameras), focal if known else None)
    assert found.focal_px == pytest.approx(focal, rel=0.01)
    assert rotation_errors(found, cameras).max() < (5e-4 if known else 4e-3)
    assert found.error_px < 0.05
    assert not found.viewmats[:, :3, 3].any()
    torch.testing.assert_close(found.viewmats[0], torch.eye(4))


def test_a_thing_that_moves_does_not_turn_the_camera() -> None:
    cameras = turns_on_the_spot(5)
    still, thing = still_flow(cameras), disc((30, 30), 12)

    def flow(one: int, two: int) -> torch.Tensor:
        exact = still.between(one, two)
        assert exact is not None
        return torch.from_numpy(exact) + 4.0 * (two - one) * thing[..., None]

    found = turning(known_flow(blank(5), flow), FOCAL)
    assert rotation_errors(found, cameras).max() < 2e-3


def test_two_frames_are_enough_with_a_known_focal_length() -> None:
    cameras = turns_on_the_spot(2)
    assert rotation_errors(turning(still_flow(cameras), FOCAL), cameras).max() < 5e-4


def test_a_camera_that_walks_does_not_only_turn() -> None:
    turned, walked = (turning(still_flow(make(5)), FOCAL).error_px for make in (turns_on_the_spot, walk))
    assert walked > 10 * turned
    assert walked > 0.3


def test_a_standing_camera_moves_nothing() -> None:
    flows = still_flow(cameras_at([(0.1, 0.2, 0.3)] * 4))
    assert image_motion_px(flows) < 0.01
    for focal, expected in ((None, GUESS * WIDTH), (70.0, 70.0)):
        stands = standing(4, flows, focal)
        assert stands.focal_px == expected
        torch.testing.assert_close(stands.viewmats, torch.eye(4).repeat(4, 1, 1))


def test_image_motion_is_that_of_the_corners_over_eight_frames() -> None:
    def pan(one: int, two: int) -> torch.Tensor:
        return torch.tensor([0.3 * (two - one), 0.4 * (two - one)]).expand(HEIGHT, WIDTH, 2)

    assert image_motion_px(known_flow(blank(12), pan)) == pytest.approx(8 * 0.5, rel=1e-2)
    assert image_motion_px(known_flow(blank(3), pan)) == pytest.approx(2 * 0.5, rel=1e-2)
    assert image_motion_px(known_flow(blank(1), pan)) == 0
    assert image_motion_px(still_flow(turns_on_the_spot(4))) > STILL_PX
