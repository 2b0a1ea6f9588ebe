"""Pictures: lit as the sun stands, the same from every side, and from finer samples smoother."""

import numpy as np
import pytest

from data.synthetic.parts import box, ellipsoid
from data.synthetic.poses import look_at
from data.synthetic.stage import Place, Quality, Stage
from data.synthetic.views import Pinhole, pinhole_matrix
from data.synthetic.world import World

WIDTH, HEIGHT = 48, 36


def garden() -> Stage:
    world = World()
    parts = [box("grass", (40.0, 40.0, 1.0), (0, 0, -1)), ellipsoid("marble", (1.0, 1.0, 1.0), (0, 0, 1.0))]
    world.add_static("garden", "ground", parts)
    place = Place(world, seed=0, half_axes_m=(10.0, 10.0), sun_deg=(-90.0, 45.0))
    return Stage(place, Quality(samples=2, texture_px=64, shadow_px=256, sun_directions=3, voxel_m=0.2))


@pytest.fixture(scope="module")
def small_stage() -> Stage:
    return garden()


def camera(eye: tuple[float, float, float], target: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> Pinhole:
    return Pinhole(
        look_at(np.array(eye), np.array(target)), pinhole_matrix(WIDTH, HEIGHT, 50.0), WIDTH, HEIGHT
    )


def brightness(image: np.ndarray, row: int, column: int) -> float:
    return float(image[row - 1 : row + 2, column - 1 : column + 2].mean())


def test_the_side_toward_the_sun_is_bright(small_stage: Stage) -> None:
    """The sun is in the south: from there the ball is light, from the north dark; its shadow falls north."""
    south = small_stage.photograph(camera((0.0, -5.0, 1.2)), 0.0)
    north = small_stage.photograph(camera((0.0, 5.0, 1.2)), 0.0)
    middle = (HEIGHT // 2, WIDTH // 2)
    assert brightness(south, *middle) > 1.4 * brightness(north, *middle)
    ground = small_stage.photograph(camera((0.0, 2.0, 8.0), (0.0, 2.1, 0.0)), 0.0)
    assert brightness(ground, HEIGHT // 2, WIDTH // 2) < 0.75 * brightness(ground, HEIGHT // 2, 4)


def test_a_dull_point_has_one_colour_from_everywhere(small_stage: Stage) -> None:
    """The same patch of lawn in two pictures: patches are compared, not blades, which distance blurs."""
    target = (-3.0, -2.0, 0.0)
    near = small_stage.photograph(camera((-3.0, -6.0, 2.5), target), 0.0)
    side = small_stage.photograph(camera((-7.5, -2.0, 2.5), target), 0.0)
    window = (slice(HEIGHT // 2 - 4, HEIGHT // 2 + 4), slice(WIDTH // 2 - 4, WIDTH // 2 + 4))
    np.testing.assert_allclose(near[window].mean((0, 1)), side[window].mean((0, 1)), rtol=0.12)


def test_pictures_repeat_bit_for_bit(small_stage: Stage) -> None:
    view = camera((3.0, -4.0, 2.0))
    first = small_stage.photograph(view, 0.0)
    np.testing.assert_array_equal(first, garden().photograph(view, 0.0))
    assert first.std() > 20


def test_sky_is_above_the_horizon(small_stage: Stage) -> None:
    image = small_stage.photograph(camera((0.0, -15.0, 1.0), (0.0, 0.0, 8.0)), 0.0).astype(int)
    assert (image[0, :, 2] > image[0, :, 0] - 40).all()
    _, parts, depths = small_stage.geometry(camera((0.0, -15.0, 1.0), (0.0, 0.0, 8.0)), 0.0)
    assert (parts[0] == -1).all()
    assert np.isinf(depths[0]).all()
