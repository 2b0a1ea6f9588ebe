"""Cameras that stand or turn, from their exact homographies."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dynamic_predictor.classical.remembered import RememberedFlow, places
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


def nothing(flows: RememberedFlow) -> torch.Tensor:
    """Masks of a clip in which nothing moves."""
    return torch.zeros(len(flows), HEIGHT, WIDTH, dtype=torch.bool)


def turned(flows: RememberedFlow, focal: float | None) -> Turning:
    return turning(flows, focal, nothing(flows))


def motion_of(flows: RememberedFlow) -> float:
    return image_motion_px(flows, nothing(flows))


@pytest.mark.parametrize("focal", [60.0, 110.0])
@pytest.mark.parametrize("known", [True, False])
def test_exact_homographies_give_back_rotations_and_focal_length(focal: float, known: bool) -> None:
    cameras = turns_on_the_spot(6, focal=focal)
    found = turned(still_flow(cameras), focal if known else None)
    assert found.focal_px == pytest.approx(focal, rel=0.01)
    assert rotation_errors(found, cameras).max() < (5e-4 if known else 4e-3)
    assert found.error_px < 0.05
    assert found.focal_is_sure
    assert not found.viewmats[:, :3, 3].any()
    torch.testing.assert_close(found.viewmats[0], torch.eye(4))


def test_a_thing_that_moves_does_not_turn_the_camera() -> None:
    cameras = turns_on_the_spot(5)
    still, thing = still_flow(cameras), disc((30, 30), 12)

    def flow(one: int, two: int) -> torch.Tensor:
        exact = still.between(one, two)
        assert exact is not None
        return torch.from_numpy(exact) + 4.0 * (two - one) * thing[..., None]

    found = turned(known_flow(blank(5), flow), FOCAL)
    assert rotation_errors(found, cameras).max() < 2e-3


def test_two_frames_are_enough_with_a_known_focal_length() -> None:
    cameras = turns_on_the_spot(2)
    assert rotation_errors(turned(still_flow(cameras), FOCAL), cameras).max() < 5e-4


def test_a_camera_that_walks_does_not_only_turn() -> None:
    on_the_spot, walked = (turned(still_flow(make(5)), FOCAL).error_px for make in (turns_on_the_spot, walk))
    assert walked > 10 * on_the_spot
    assert walked > 0.3


@pytest.mark.parametrize(
    ("motion", "long_sides"),
    [("still", (GUESS, GUESS)), ("sideways", (1.0, 4.1)), ("ahead", (0.39, 4.1))],
)
def test_a_focal_length_that_nothing_tells_stays_usual_and_is_called_unsure(
    motion: str, long_sides: tuple[float, float]
) -> None:
    start = torch.from_numpy(places(HEIGHT, WIDTH)) - torch.tensor([WIDTH, HEIGHT]) / 2

    def flow(one: int, two: int) -> torch.Tensor:
        gap = two - one
        sideways = torch.tensor([2.0 * gap, 0.5 * gap]).expand(HEIGHT, WIDTH, 2)
        return {"still": 0 * sideways, "sideways": sideways, "ahead": (1.03**gap - 1) * start}[motion]

    found = turned(known_flow(blank(6), flow), None)
    assert not found.focal_is_sure
    assert long_sides[0] * WIDTH * 0.99 <= found.focal_px <= long_sides[1] * WIDTH * 1.01
    assert (found.error_px > 1) == (motion == "ahead")


def test_a_known_thing_that_fills_the_image_does_not_turn_the_camera() -> None:
    cameras = turns_on_the_spot(5)
    still, thing = still_flow(cameras), torch.zeros(5, HEIGHT, WIDTH, dtype=torch.bool)
    thing[:, :, 24:] = True

    def flow(one: int, two: int) -> torch.Tensor:
        exact = still.between(one, two)
        assert exact is not None
        return torch.where(thing[one][..., None], torch.tensor([3.0, 1.0]) * (two - one), torch.tensor(exact))

    flows = known_flow(blank(5), flow)
    assert rotation_errors(turning(flows, FOCAL, thing), cameras).max() < 2e-3
    assert rotation_errors(turned(flows, FOCAL), cameras).max() > 0.02
    stands = known_flow(
        blank(5), lambda one, two: 3.0 * (two - one) * thing[one][..., None].expand(-1, -1, 2)
    )
    assert image_motion_px(stands, thing) < 0.01
    assert motion_of(stands) > STILL_PX


def test_a_standing_camera_moves_nothing() -> None:
    flows = still_flow(cameras_at([(0.1, 0.2, 0.3)] * 4))
    assert motion_of(flows) < 0.01
    for focal, expected in ((None, GUESS * WIDTH), (70.0, 70.0)):
        stands = standing(4, flows, focal)
        assert stands.focal_px == expected
        assert stands.focal_is_sure == (focal is not None)
        torch.testing.assert_close(stands.viewmats, torch.eye(4).repeat(4, 1, 1))


def test_image_motion_is_that_of_the_corners_over_eight_frames() -> None:
    def pan(one: int, two: int) -> torch.Tensor:
        return torch.tensor([0.3 * (two - one), 0.4 * (two - one)]).expand(HEIGHT, WIDTH, 2)

    assert motion_of(known_flow(blank(12), pan)) == pytest.approx(8 * 0.5, rel=1e-2)
    assert motion_of(known_flow(blank(3), pan)) == pytest.approx(2 * 0.5, rel=1e-2)
    assert motion_of(known_flow(blank(1), pan)) == 0
    assert motion_of(still_flow(turns_on_the_spot(4))) > STILL_PX
