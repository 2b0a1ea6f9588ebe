"""Sun and shade about a box on the ground."""

import numpy as np
import pytest

from data.synthetic.parts import box
from data.synthetic.shadows import Shadows, make_shadows
from data.synthetic.world import Snapshot, World

TO_SUN = np.array([0.0, -1.0, 1.0]) / np.sqrt(
    2
)  # from the south, 45 degrees high: shadows reach as far north as things are high


def everything(snapshot: Snapshot, part: int, points: tuple[np.ndarray, ...]) -> np.ndarray:
    raise AssertionError("nothing here has holes")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    world = World()
    parts = [box("grass", (40.0, 40.0, 1.0), (0.0, 0.0, -1.0)), box("bricks", (2.0, 2.0, 2.0))]
    world.add_static("yard", "ground", parts)
    return world.at(0.0)


@pytest.fixture(scope="module")
def shadows(snapshot: Snapshot) -> Shadows:
    return make_shadows(snapshot, everything, TO_SUN, half_axes_m=(8.0, 8.0), texels=512, directions=8)


def lit(shadows: Shadows, *points: tuple[float, float, float]) -> np.ndarray:
    return shadows.lit(np.array(points, np.float32).T, np.full(len(points), np.sqrt(0.5), np.float32))


def test_light_and_shade(shadows: Shadows) -> None:
    # On top, before the box and far behind it is light; close behind it is dark.
    np.testing.assert_allclose(lit(shadows, (0, 0, 2), (0, -2, 0), (0, 4, 0), (3, 2, 0)), 1)
    np.testing.assert_allclose(lit(shadows, (0, 1.5, 0), (0.8, 2.0, 0), (0, 1.3, 1.0)), 0)


def test_no_surface_shades_itself(shadows: Shadows) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 500))
    top = np.stack([x, y, np.full(500, 2.0)]).astype(np.float32)
    assert (shadows.lit(top, np.full(500, np.sqrt(0.5), np.float32)) == 1).all()
    front = np.stack([x, np.full(500, -1.0), 1 + 0.95 * y]).astype(np.float32)
    assert shadows.lit(front, np.full(500, np.sqrt(0.5), np.float32)).mean() > 0.99


def test_the_edge_is_soft_and_wider_far_from_the_caster(shadows: Shadows) -> None:
    """Across the shadow's eastern edge, close to the box's foot and far from its top."""

    def width(y: float) -> float:
        x = np.linspace(0.7, 1.3, 601)
        light = lit(shadows, *((value, y, 0.0) for value in x))
        assert (np.diff(light) >= -1e-6).all()
        return float(((light > 0.05) & (light < 0.95)).sum())

    # At y = 1.1 the edge is cast from 0.1 m up, at y = 2.9 from 1.9 m up.
    assert width(2.9) > 1.5 * width(1.1) > 0


def test_movers_add_shade_and_leave_the_rest(snapshot: Snapshot, shadows: Shadows) -> None:
    world = World()
    world.add_static("crate", "furniture", [box("crate", (1.0, 1.0, 1.0), (4.0, 0.0, 0.0))])
    more = shadows.with_movers(world.at(0.0), everything)
    assert lit(more, (4.0, 0.8, 0.0))[0] == 0
    assert lit(shadows, (4.0, 0.8, 0.0))[0] == 1
    assert lit(more, (0, 1.5, 0), (-3, 0, 0)).tolist() == [0, 1]
    assert shadows.with_movers(snapshot.only(np.zeros(2, bool)), everything) is shadows


def test_beyond_the_map_it_is_light(shadows: Shadows) -> None:
    assert lit(shadows, (100.0, 0.0, 0.0))[0] == 1
