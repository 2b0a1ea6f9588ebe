from dataclasses import replace

import pytest
import torch

from scene.occupancy.casting import Space
from scene.occupancy.viewpoints import (
    EYE_HEIGHT_M,
    Viewpoint,
    chase,
    driver,
    ground_height,
    in_voxels,
    middle_of,
    overview,
    pinhole_rays,
    straight_down_rays,
    without_own_vehicle,
)
from tests.scene.occupancy.streets import CAR, GRID, street


def test_the_ground_is_found_under_what_stands_on_it() -> None:
    assert ground_height(street(), 0) == pytest.approx(-1.6 + 0.375)
    sequence = street()
    raised = replace(sequence, classes=torch.roll(sequence.classes, 1, 3))
    assert ground_height(raised, 0) == pytest.approx(-1.6 + 2 * 0.375)


def test_without_ground_the_lowest_thing_counts_and_without_any_the_bottom() -> None:
    classes = torch.zeros(3, *GRID.size, dtype=torch.uint8)
    assert ground_height(replace(street(), classes=classes), 0) == pytest.approx(-1.6)
    classes[0, 3, 3, 2] = 9
    assert ground_height(replace(street(), classes=classes), 0) == pytest.approx(-1.6 + 3 * 0.375)


def test_a_driver_sits_above_the_ground_and_looks_ahead() -> None:
    view = driver(street(), 0)
    assert view.position_m[2] == pytest.approx(-1.6 + 0.375 + EYE_HEIGHT_M)
    assert view.target_m[0] > view.position_m[0]
    for other in (chase(street(), 0), overview(street(), 0)):
        assert other.position_m[0] < -4
        assert other.position_m[2] > view.position_m[2]


def test_only_the_own_vehicle_is_taken_away() -> None:
    sequence = street()
    sequence.classes[0, 4:8, 7:9, 1:3] = CAR  # at the origin
    left = without_own_vehicle(sequence, 0)
    assert not (left[4:8, 7:9] == CAR).any()
    changed = (left != sequence.classes[0]).nonzero()
    assert set(changed[:, 0].tolist()) == {4, 5, 6, 7}
    assert sequence.classes[0, 5, 8, 1] == CAR  # the sequence is what it was


def test_the_picture_s_middle_is_the_target() -> None:
    view = Viewpoint((1.0, 2.0, 3.0), (5.0, -1.0, 0.5))
    rays = pinhole_rays(view, GRID, 5, 3)
    middle = rays.directions[7] * torch.tensor(GRID.voxel_m)
    towards = torch.tensor([4.0, -3.0, -2.5])
    torch.testing.assert_close(middle, towards / towards.norm())
    left, right = rays.directions[5], rays.directions[9]
    assert left[1] > right[1]  # left is y
    assert rays.directions[2, 2] > rays.directions[12, 2]  # the first row is the upper one


def test_distances_are_metres() -> None:
    solid = torch.zeros(GRID.size, dtype=torch.bool)
    solid[20] = True
    rays = in_voxels(torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]), GRID)
    assert Space(solid).cast(rays).distances.item() == pytest.approx(-2.4 + 20 * 0.4)


def test_from_above_forward_is_up_and_left_is_left() -> None:
    solid = torch.zeros(GRID.size, dtype=torch.bool)
    solid[23, 15, 2] = True  # far ahead, far left
    found = Space(solid).cast(straight_down_rays(GRID, 2)).found.reshape(48, 32)
    assert found.nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_the_middle_of_a_grid() -> None:
    assert middle_of(GRID) == pytest.approx((2.4, 0.0))
