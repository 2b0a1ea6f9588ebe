"""Normals point outward, tangents lie in the surface, textures keep their size and run the right way up."""

import numpy as np
import pytest

from data.synthetic.parts import Shape
from data.synthetic.surfaces import sphere_chart, surface
from tests.data.synthetic.test_intersections import CASES, excess, hit


def points_on(shape: Shape, size: tuple[float, ...]) -> np.ndarray:
    """[N, 3] away from edges, where the normal jumps."""
    rng = np.random.default_rng(0)
    origins = rng.normal(size=(4000, 3)) * 4
    directions = rng.uniform(-0.4, 0.4, (4000, 3)) - origins
    enter, leave = hit(shape, size, origins, directions)
    with np.errstate(invalid="ignore"):
        rows = enter < leave
    return origins[rows] + enter[rows, None] * directions[rows]


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_normals_lead_out_and_tangents_along(shape: Shape, size: tuple[float, ...]) -> None:
    points = points_on(shape, size)
    chart = surface(
        shape, points.T.astype(np.float32), np.repeat(np.array([size], np.float32).T, len(points), 1)
    )
    np.testing.assert_allclose((chart.normals**2).sum(0), 1, atol=1e-5)
    step = 0.01
    assert (excess(shape, size, points + step * chart.normals.T) > 0).all()
    within = excess(shape, size, points - step * chart.normals.T) < 0
    assert within.mean() > 0.9  # thin solids are left again within the step
    for tangents in (chart.tangents_u, chart.tangents_v):
        np.testing.assert_allclose((tangents**2).sum(0), 1, atol=1e-5)
        if shape != Shape.ELLIPSOID:  # which borrows the tangents of a cube
            np.testing.assert_allclose((tangents * chart.normals).sum(0), 0, atol=1e-5)


@pytest.mark.parametrize(("shape", "size"), [case for case in CASES if case[0] != Shape.ELLIPSOID])
def test_a_metre_of_texture_is_a_metre_of_surface(shape: Shape, size: tuple[float, ...]) -> None:
    points = points_on(shape, size)
    sizes = np.repeat(np.array([size], np.float32).T, len(points), 1)
    chart = surface(shape, points.T.astype(np.float32), sizes)
    step = 1e-3
    for row, tangents in enumerate((chart.tangents_u, chart.tangents_v)):
        moved = surface(shape, (points.T + step * tangents).astype(np.float32), sizes)
        change = (moved.position_m - chart.position_m)[row] / step
        flat = shape != Shape.CYLINDER or row == 1  # a cone's circumference is not the same at all heights
        same = np.abs(moved.normals - chart.normals).max(0) < 0.05
        if flat:
            assert (np.abs(change[same] - 1) < 0.02).mean() > 0.97


def test_text_on_every_side_of_a_box_reads_from_left_to_right() -> None:
    """u grows to the right, and v down, for someone upright who looks at the side."""
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        point = np.zeros((3, 1), np.float32)
        point[axis] = sign
        chart = surface(Shape.BOX, point, np.ones((5, 1), np.float32))
        looking, up = -chart.normals[:, 0], np.array([0.0, 0.0, 1.0])
        np.testing.assert_allclose(chart.tangents_u[:, 0], np.cross(looking, up), atol=1e-6)
        np.testing.assert_allclose(chart.tangents_v[:, 0], -up, atol=1e-6)


def test_sphere_chart_goes_once_around() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3, 500)).astype(np.float32)
    points /= np.linalg.norm(points, axis=0)
    chart = sphere_chart(points, np.ones((5, 500), np.float32))
    share = chart.position_m / chart.extent_m
    assert np.abs(share).max() <= 0.5 + 1e-6
    np.testing.assert_allclose(share[0], np.arctan2(points[1], points[0]) / (2 * np.pi), atol=1e-6)
    np.testing.assert_allclose((chart.tangents_v * chart.normals).sum(0), 0, atol=1e-5)


def test_along_the_longer_side() -> None:
    """The grain of a post runs up it, that of a beam along it; positions and tangents turn together."""
    points = np.array([[1.0, 1.0], [0.1, 0.1], [0.2, 0.2]], np.float32)
    sizes = np.array([[1.0, 1.0], [0.5, 3.0], [2.0, 1.0], [1.0, 1.0], [1.0, 1.0]], np.float32)
    chart = surface(Shape.BOX, points, sizes)
    turned = chart.along_longer_side(np.array([True, True]))
    np.testing.assert_allclose(turned.tangents_u[:, 0], chart.tangents_v[:, 0])
    np.testing.assert_allclose(turned.position_m[:, 0], chart.position_m[::-1, 0])
    np.testing.assert_allclose(turned.tangents_u[:, 1], chart.tangents_u[:, 1])
    assert (turned.extent_m[0] >= turned.extent_m[1]).all()
    untouched = chart.along_longer_side(np.array([False, False]))
    np.testing.assert_allclose(untouched.position_m, chart.position_m)
