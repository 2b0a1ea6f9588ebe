"""Entry and exit of rays, against what each solid contains point by point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.synthetic.intersections import HITS
from data.synthetic.parts import Shape

SIZES = {
    Shape.BOX: [(0.5, 0.8, 0.3, 1, 1), (1.0, 1.0, 0.02, 1, 1)],
    Shape.TAPER: [(0.5, 0.8, 0.6, 0.5, 0.7), (0.5, 0.8, 0.6, 1.0, 0.0), (0.4, 0.4, 0.5, 1.6, 1.2)],
    Shape.CYLINDER: [(0.5, 0.5, 0.7, 1, 1), (0.6, 0.1, 0.3, 1, 1), (0.05, 0.9, 0.2, 1, 1)],
    Shape.ELLIPSOID: [(0.5, 0.5, 0.5, 1, 1), (0.9, 0.2, 0.4, 1, 1)],
}
CASES = [(shape, size) for shape, sizes in SIZES.items() for size in sizes]


def excess(shape: Shape, size: tuple[float, ...], points: np.ndarray) -> np.ndarray:
    """How far points [N, 3] are outside of a solid: positive outside, 0 on the surface; not a distance."""
    x, y, z = points.T
    upper = (1 + z / size[2]) / 2
    if shape == Shape.ELLIPSOID:
        return np.sqrt((x / size[0]) ** 2 + (y / size[1]) ** 2 + (z / size[2]) ** 2) - 1
    if shape == Shape.CYLINDER:
        return np.maximum(np.hypot(x, y) - (size[0] + (size[1] - size[0]) * upper), np.abs(z) - size[2])
    widths = [size[axis] * (1 + (size[3 + axis] - 1) * upper) for axis in (0, 1)]
    return np.max([np.abs(x) - widths[0], np.abs(y) - widths[1], np.abs(z) - size[2]], axis=0)


def hit(
    shape: Shape, size: tuple[float, ...], origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        enter, leave = HITS[shape](
            tuple(origins.T.astype(np.float32)),
            tuple(directions.T.astype(np.float32)),
            np.array(size, np.float32),
        )
    return enter.astype(np.float64), leave.astype(np.float64)


@pytest.mark.parametrize(("shape", "size"), CASES)
@given(seed=st.integers(0, 10_000))
def test_inside_between_entry_and_exit_only(shape: Shape, size: tuple[float, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    origins = rng.normal(size=(64, 3)) * 3
    directions = rng.uniform(-1, 1, (64, 3)) - origins
    enter, leave = hit(shape, size, origins, directions)
    for t in np.linspace(-1, 3, 41):
        outside = excess(shape, size, origins + t * directions)
        with np.errstate(invalid="ignore"):
            between = (enter < t) & (t < leave)
        clear = np.abs(outside) > 1e-3
        np.testing.assert_array_equal(between[clear], (outside < 0)[clear])


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_entry_and_exit_are_on_the_surface(shape: Shape, size: tuple[float, ...]) -> None:
    rng = np.random.default_rng(1)
    origins = rng.normal(size=(2000, 3)) * 20
    directions = rng.uniform(-0.4, 0.4, (2000, 3)) - origins
    enter, leave = hit(shape, size, origins, directions)
    with np.errstate(invalid="ignore"):
        hits = enter < leave
    assert hits.sum() > 50
    for t in (enter, leave):
        points = origins[hits] + t[hits, None] * directions[hits]
        assert np.abs(excess(shape, size, points)).max() < 2e-4


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_rays_along_an_axis(shape: Shape, size: tuple[float, ...]) -> None:
    """Directions with exact zeros, as an upright camera has them."""
    enter, leave = hit(shape, size, np.array([[-5.0, 0.01, 0.01]]), np.array([[1.0, 0.0, 0.0]]))
    assert 0 < leave[0] - enter[0] <= 2 * max(size[:2]) * max(size[3:]) + 1e-5
    enter, leave = hit(shape, size, np.array([[-5.0, 5.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    with np.errstate(invalid="ignore"):
        assert not enter[0] < leave[0]
