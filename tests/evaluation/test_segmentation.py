"""Agreement of masks: sums in loops, laws, and frames in which nothing moves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.segmentation import boundary, boundary_accuracy, region_similarity, score_masks

SIDES = st.integers(1, 24)
SEEDS = st.integers(0, 99)


def blob(height: int, width: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    center = random.uniform(0, 1, 2) * (height, width)
    radii = random.uniform(0.05, 0.5, 2) * (height, width) + 0.5
    return np.hypot((y - center[0]) / radii[0], (x - center[1]) / radii[1]) <= 1


def boundary_by_loops(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    found = np.zeros_like(mask)
    for row, column in np.ndindex(height, width):
        below, right = min(row + 1, height - 1), min(column + 1, width - 1)
        others = (mask[row, right], mask[below, column], mask[below, right])
        found[row, column] = any(other != mask[row, column] for other in others)
    return found


def matched_by_loops(points: np.ndarray, others: np.ndarray, radius: int) -> float:
    """The share of points with one of the others at most `radius` away."""
    near = [min(math.hypot(*(point - other)) for other in others) <= radius for point in points]
    return sum(near) / len(near)


@settings(max_examples=25)
@given(SIDES, SIDES, SEEDS, SEEDS)
def test_boundaries_and_their_match_written_out(height: int, width: int, first: int, second: int) -> None:
    ours, truth = blob(height, width, first), blob(height, width, second + 1000)
    np.testing.assert_array_equal(boundary(ours), boundary_by_loops(ours))
    points, others = (np.argwhere(boundary_by_loops(mask)) for mask in (ours, truth))
    for tolerance in (0.008, 0.1):
        found = boundary_accuracy(ours, truth, tolerance)
        if not len(points) or not len(others):
            assert found == (len(points) == len(others))
            continue
        radius = math.ceil(tolerance * math.hypot(height, width))
        precision, recall = matched_by_loops(points, others, radius), matched_by_loops(others, points, radius)
        expected = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert found == pytest.approx(expected)


@settings(max_examples=25)
@given(SIDES, SIDES, SEEDS, SEEDS)
def test_laws(height: int, width: int, first: int, second: int) -> None:
    ours, truth = blob(height, width, first), blob(height, width, second)
    for measure in (region_similarity, boundary_accuracy):
        assert measure(ours, ours) == 1
        assert measure(ours, truth) == pytest.approx(measure(truth, ours))
        assert 0 <= measure(ours, truth) <= 1
    either, both = np.count_nonzero(ours | truth), np.count_nonzero(ours & truth)
    assert region_similarity(ours, truth) == (both / either if either else 1)
    assert boundary_accuracy(ours, truth, 0.3) >= boundary_accuracy(ours, truth, 0.0)


def test_a_disk_and_no_box_decides_what_is_near() -> None:
    """Two single pixels, three rows and three columns apart: 4.24 pixels, and 4 are allowed."""
    ours, truth = np.zeros((2, 30, 40), bool)
    ours[10, 10] = truth[13, 13] = True
    near = 4 / math.hypot(30, 40)
    alone = np.count_nonzero(boundary(ours))
    assert alone == 4, "a pixel and its neighbours above and to the left"
    assert 0 < boundary_accuracy(ours, truth, near) < 1
    assert boundary_accuracy(ours, truth, 5 / math.hypot(30, 40)) == 1


def test_frames_in_which_nothing_moves() -> None:
    nothing, something = np.zeros((9, 9), bool), blob(9, 9, 3)
    for measure in (region_similarity, boundary_accuracy):
        assert measure(nothing, nothing) == 1
        assert measure(something, nothing) == 0
        assert measure(nothing, something) == 0
    scores = score_masks([(nothing, nothing), (something, nothing)])
    assert scores is not None
    assert (scores.region, scores.recall, scores.boundary, scores.pooled) == (0.5, 0.5, 0.5, 0)
    assert score_masks([]) is None


def test_a_sequence_is_the_mean_of_its_frames() -> None:
    pairs = [(blob(40, 50, seed), blob(40, 50, seed + 50)) for seed in range(6)]
    scores = score_masks(iter(pairs))
    assert scores is not None
    regions = [region_similarity(*pair) for pair in pairs]
    assert scores.regions == tuple(regions)
    assert scores.region == pytest.approx(sum(regions) / 6)
    assert scores.recall == sum(region > 0.5 for region in regions) / 6
    assert scores.boundary == pytest.approx(sum(boundary_accuracy(*pair) for pair in pairs) / 6)
    both, either = sum(np.sum(a & b) for a, b in pairs), sum(np.sum(a | b) for a, b in pairs)
    assert scores.pooled == pytest.approx(both / either)
    assert scores.region_and_boundary == (scores.region + scores.boundary) / 2
