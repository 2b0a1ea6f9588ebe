"""Points lie on surfaces, and their tracks on what pictures show."""

import numpy as np
import pytest

from data.synthetic.flow import Seen
from data.synthetic.paths import around_the_fountain
from data.synthetic.points import ColoredPoints, Tracks, find_points, often_seen, track
from data.synthetic.stage import Stage
from data.synthetic.views import Pinhole, pinhole_matrix

WIDTH, HEIGHT = 64, 36


def look(stage: Stage, index: int) -> tuple[np.ndarray, Seen]:
    view = Pinhole(around_the_fountain(24, 0)[index], pinhole_matrix(WIDTH, HEIGHT, 68.0), WIDTH, HEIGHT)
    return stage.photograph(view, 0.0), Seen(view, *stage.geometry(view, 0.0))


@pytest.fixture(scope="module")
def looks(stage: Stage) -> list[tuple[np.ndarray, Seen]]:
    """Three neighbouring pictures with their geometry."""
    return [look(stage, index) for index in range(3)]


def test_points_carry_the_colour_and_depth_of_their_pixel(looks: list[tuple[np.ndarray, Seen]]) -> None:
    image, seen = looks[0]
    points = find_points(image, seen, 200, np.random.default_rng(0))
    assert len(points.xyz) == 200
    pixels, z = seen.view.project(points.xyz)
    column, row = np.floor(pixels).astype(int).T
    np.testing.assert_allclose(pixels - np.floor(pixels), 0.5, atol=1e-4)
    np.testing.assert_array_equal(image[row, column], points.rgb)
    np.testing.assert_allclose(seen.depths[row, column], z, rtol=1e-6)
    assert len({tuple(pair) for pair in zip(row, column, strict=True)}) == 200


def test_half_of_the_points_are_corners(looks: list[tuple[np.ndarray, Seen]]) -> None:
    """Where the picture changes in all directions, as a feature detector wants it."""
    image, seen = looks[0]
    points = find_points(image, seen, 100, np.random.default_rng(0))
    column, row = np.floor(seen.view.project(points.xyz)[0]).astype(int).T
    gray = image.astype(float).mean(2)
    contrast = np.abs(np.gradient(gray)[0]) + np.abs(np.gradient(gray)[1])
    assert contrast[row, column].mean() > 1.1 * contrast.mean()


def test_more_points_than_pixels_are_all_pixels_that_are_not_sky(
    looks: list[tuple[np.ndarray, Seen]],
) -> None:
    image, seen = looks[0]
    points = find_points(image, seen, 10**6, np.random.default_rng(0))
    assert len(points.xyz) == (seen.parts >= 0).sum()


def test_tracks_are_where_points_are_seen(looks: list[tuple[np.ndarray, Seen]]) -> None:
    points = find_points(*looks[0], 300, np.random.default_rng(0))
    views = [(seen.view, np.where(np.isfinite(seen.depths), seen.depths, 0)) for _, seen in looks]
    tracks = track(points.xyz, views)
    own = tracks.points[tracks.images == 0]
    assert len(own) == 300  # every point is seen in the picture that it was found in
    for image in (1, 2):
        rows = tracks.images == image
        assert 20 < rows.sum() < 300
        pixels, _ = views[image][0].project(points.xyz[tracks.points[rows]])
        np.testing.assert_allclose(pixels, tracks.pixels[rows])


def test_often_seen_keeps_numbers_consistent() -> None:
    points = ColoredPoints(np.arange(12.0).reshape(4, 3), np.arange(12, dtype=np.uint8).reshape(4, 3))
    tracks = Tracks(np.array([0, 1, 0, 1, 2, 0]), np.array([0, 0, 2, 2, 2, 3]), np.arange(12.0).reshape(6, 2))
    kept, kept_tracks = often_seen(points, tracks, 2)
    np.testing.assert_array_equal(kept.xyz, points.xyz[[0, 2]])
    np.testing.assert_array_equal(kept_tracks.points, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(kept_tracks.pixels, tracks.pixels[:5])
