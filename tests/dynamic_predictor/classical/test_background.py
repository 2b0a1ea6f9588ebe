"""The background of a disc that crosses a room whose cameras and depth are exact."""

import numpy as np
import torch

from dynamic_predictor.classical.background import Background, background, look
from dynamic_predictor.classical.remembered import as_array
from tests.dynamic_predictor.classical.rooms import depth_of, disc, photograph, walk, with_disc

COUNT, RADIUS, ROW = 9, 7.0, 4
CAMERAS = walk(COUNT)
CENTERS = [(8.0 + 10 * row, 32.0) for row in range(COUNT)]
ROOM = [as_array(photograph(CAMERAS[row])) for row in range(COUNT)]
EVERYWHERE = np.ones(ROOM[0].shape[:2], bool)


def thing(row: int) -> np.ndarray:
    return disc(CENTERS[row], RADIUS).numpy()


def found(
    gains: tuple[float, ...] = (1.0,) * COUNT, rows: int = COUNT, asked: np.ndarray = EVERYWHERE
) -> Background:
    looks = []
    for row in range(rows):
        picture = as_array(with_disc(photograph(CAMERAS[row]), CENTERS[row], RADIUS))
        looks.append(look(gains[row] * picture, thing(row)))
    return background(min(ROW, rows - 1), looks, depth_of(CAMERAS[min(ROW, rows - 1)]), CAMERAS, asked)


def test_the_thing_differs_and_the_room_does_not() -> None:
    difference = found().difference
    inside = disc(CENTERS[ROW], RADIUS - 2).numpy()
    outside = ~disc(CENTERS[ROW], RADIUS + 2).numpy()
    assert np.nanmedian(difference[inside]) > 0.15
    assert np.nanpercentile(difference[outside], 95) < 0.01


def test_the_room_behind_the_thing_is_seen() -> None:
    behind = found()
    known = thing(ROW) & np.isfinite(behind.difference)
    assert known.sum() > 0.9 * thing(ROW).sum()
    assert np.abs(behind.colors - ROOM[ROW])[known].mean() < 0.03


def test_exposure_is_no_difference() -> None:
    gains = tuple(1 - 0.03 * row for row in range(COUNT))
    outside = ~disc(CENTERS[ROW], RADIUS + 2).numpy()
    assert np.nanpercentile(found(gains).difference[outside], 95) < 0.02


def test_two_other_frames_are_needed() -> None:
    assert np.isnan(found(rows=3).difference).all()
    assert np.isnan(found(rows=1).difference).all()


def test_what_is_not_asked_for_is_unknown_and_keeps_its_colours() -> None:
    asked = np.zeros_like(EVERYWHERE)
    asked[20:40, 30:60] = True
    behind = found(asked=asked)
    assert np.isnan(behind.difference[~asked]).all()
    assert np.isfinite(behind.difference[asked]).any()
    everything = found()
    picture = as_array(with_disc(photograph(CAMERAS[ROW]), CENTERS[ROW], RADIUS))
    np.testing.assert_array_equal(behind.colors[~asked], look(picture, thing(ROW)).colors[~asked])
    assert behind.colors.shape == everything.colors.shape


def test_without_depth_nothing_is_known() -> None:
    looks = [look(image, np.zeros_like(EVERYWHERE)) for image in ROOM]
    behind = background(ROW, looks, torch.zeros(EVERYWHERE.shape), CAMERAS, EVERYWHERE)
    assert np.isnan(behind.difference).all()
