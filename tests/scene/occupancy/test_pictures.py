from dataclasses import replace

import numpy as np
import pytest
import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.pictures import (
    PICTURES,
    bird_eye,
    chase_view,
    class_colours,
    drivers_view,
    overview_picture,
)
from scene.occupancy.sequence import Occupancy
from tests.scene.occupancy.streets import BUILDING, CAR, GRID, street


def nearest_class(pixel: np.ndarray) -> int:
    """The class whose colour a pixel has, however bright it is."""
    colours = class_colours(CARLASC)[1:]
    directions = colours / colours.norm(dim=1, keepdim=True)
    seen = torch.from_numpy(pixel.astype(np.float32))
    return int((directions @ (seen / seen.norm())).argmax()) + 1


def test_from_above_each_column_shows_its_highest_class() -> None:
    picture = bird_eye(street(), 0, 4)
    assert picture.shape == (96, 64, 3)
    # The car is at voxels 14 to 18 forward of 24, 6 to 9 left of 16; the house at 13 and more.
    assert nearest_class(picture[4 * (23 - 16) + 2, 4 * (15 - 8) + 2]) == CAR
    assert nearest_class(picture[4 * (23 - 10) + 2, 4 * (15 - 14) + 2]) == BUILDING


def test_a_car_that_moves_moves_in_the_picture() -> None:
    first, last = bird_eye(street(), 0), bird_eye(street(), 2)
    rows = np.nonzero((first != last).any((1, 2)))[0]
    assert rows.min() == 0  # the house's roof and the road behind stay
    assert rows.max() < 4 * 11


@pytest.mark.parametrize("view", [drivers_view, chase_view, overview_picture])
def test_views_have_the_size_asked_for(view: object) -> None:
    assert callable(view)
    picture = view(street(), 1, 64, 36, samples=2)
    assert picture.shape == (36, 64, 3)
    assert picture.dtype == np.uint8
    assert view in PICTURES.values()


def test_a_driver_sees_the_car_ahead_under_the_sky() -> None:
    picture = drivers_view(street(), 0, 64, 36)
    assert nearest_class(picture[29, 32]) == CAR
    assert picture[0, 32, 2] > picture[0, 32, 0]  # blue
    red, _, blue = picture[18, 2].tolist()
    assert red > blue  # the house on the left, through haze


def test_an_empty_frame_is_paper_and_sky() -> None:
    nothing = replace(street(), classes=torch.zeros(3, *GRID.size, dtype=torch.uint8))
    assert len(np.unique(bird_eye(nothing))) == 1
    assert drivers_view(nothing, 0, 8, 6).min() > 100


def test_frames_of_any_proportions() -> None:
    sequence = street(1)
    narrow = Occupancy(sequence.classes[:, :, :3], CARLASC, replace(GRID, size=(24, 3, 6)))
    assert bird_eye(narrow, 0, 2).shape == (48, 6, 3)
