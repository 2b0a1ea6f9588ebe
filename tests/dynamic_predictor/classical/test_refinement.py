"""Outlines of a disc that crosses a room whose cameras and depth are exact."""

import numpy as np
import pytest
import torch

from dynamic_predictor.classical.refinement import refined, shadows
from dynamic_predictor.classical.remembered import as_array
from tests.dynamic_predictor.classical.rooms import depth_of, disc, photograph, walk, with_disc

COUNT, RADIUS = 9, 7.0
CAMERAS = walk(COUNT)
DEPTHS = torch.stack([depth_of(CAMERAS[row]) for row in range(COUNT)])
CENTERS = [(8.0 + 10 * row, 32.0) for row in range(COUNT)]
ROOM = [photograph(CAMERAS[row]) for row in range(COUNT)]
SCENE = [as_array(with_disc(ROOM[row], CENTERS[row], RADIUS)) for row in range(COUNT)]
NOTHING = np.zeros(tuple(DEPTHS.shape), bool)


def discs(radius: float) -> np.ndarray:
    return np.stack([disc(center, radius).numpy() for center in CENTERS])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("sure", [0.85, 1.0])
def test_a_halo_is_taken_away_however_sure(sure: float) -> None:
    before = sure * discs(RADIUS + 3).astype(np.float32)
    after = refined(SCENE, before, NOTHING, DEPTHS, CAMERAS)
    assert overlap(before > 0.5, discs(RADIUS)) < 0.5
    assert overlap(after > 0.5, discs(RADIUS)) > 0.65  # one pixel around the disc is a quarter of it


def test_what_was_doubtful_is_confirmed() -> None:
    before = 0.35 * discs(RADIUS).astype(np.float32)
    after = refined(SCENE, before, NOTHING, DEPTHS, CAMERAS)
    assert overlap(after > 0.5, discs(RADIUS)) > 0.6


@pytest.mark.parametrize(("sure", "moves"), [(0.85, False), (1.0, True)])
def test_what_may_be_a_shadow_overrules_only_what_is_not_sure(sure: float, moves: bool) -> None:
    dimmed = [
        as_array(room) * np.where(thing, 0.75, 1.0)[..., None].astype(np.float32)
        for room, thing in zip(ROOM, discs(RADIUS), strict=True)
    ]
    after = refined(dimmed, sure * discs(RADIUS).astype(np.float32), NOTHING, DEPTHS, CAMERAS)
    share = (after > 0.5)[discs(RADIUS - 3)].mean()
    assert share > 0.9 if moves else share < 0.1


def test_what_rests_is_confirmed_and_what_is_background_is_not() -> None:
    before = np.zeros(NOTHING.shape, np.float32)
    thing = refined(SCENE, before, discs(RADIUS), DEPTHS, CAMERAS)
    assert overlap(thing > 0.5, discs(RADIUS)) > 0.6
    room = refined([as_array(one) for one in ROOM], before, discs(RADIUS), DEPTHS, CAMERAS)
    assert not (room > 0.5).any()


def test_far_from_candidates_nothing_changes() -> None:
    before = 0.85 * discs(RADIUS).astype(np.float32) + 0.1
    after = refined(SCENE, before, NOTHING, DEPTHS, CAMERAS)
    far = ~discs(RADIUS + 8)
    np.testing.assert_array_equal(after[far], before[far])
    assert after.min() >= 0
    assert after.max() <= 1


def test_without_candidates_nothing_changes() -> None:
    before = np.full(NOTHING.shape, 0.2, np.float32)
    np.testing.assert_array_equal(refined(SCENE, before, NOTHING, DEPTHS, CAMERAS), before)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        ((0.7, 0.7, 0.7), True),  # neutral
        ((0.6, 0.65, 0.7), True),  # bluish, as under a blue sky
        ((0.8, 0.65, 0.6), False),  # reddish: no shadow is
        ((0.3, 0.7, 0.7), False),  # another colour
        ((1.0, 1.0, 1.0), False),  # the same
        ((1.4, 1.4, 1.4), False),  # brighter
        ((0.05, 0.05, 0.05), False),  # black
    ],
)
def test_shadows_are_dimmer_and_no_redder(gain: tuple[float, ...], expected: bool) -> None:
    background = 0.2 + 0.5 * np.random.default_rng(0).random((24, 24, 3), dtype=np.float32)
    colors = background * np.array(gain, np.float32)
    inner = shadows(colors, background)[6:-6, 6:-6]
    assert inner.all() if expected else not inner.any()
