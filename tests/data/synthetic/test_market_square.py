"""The square is a function of its seed."""

import numpy as np
import pytest

from data.synthetic.casting import cast
from data.synthetic.market_square import market_square
from data.synthetic.materials import RECIPES
from data.synthetic.paths import around_the_fountain
from data.synthetic.views import Pinhole, pinhole_matrix
from tests.data.synthetic.squares import square


@pytest.mark.parametrize("seed", range(2))
def test_worlds_are_sound(seed: int) -> None:
    world = square(seed, traffic=True)
    snapshot = world.at(1.0)
    assert set(world.materials) <= set(RECIPES)
    assert (snapshot.half_extents > 0).all()
    assert np.isfinite(snapshot.world_from_part).all()
    assert (snapshot.tints >= 0).all()
    names = [body.name for body in world.bodies]
    assert len(names) == len(set(names))


def test_same_seed_same_world() -> None:
    first, second, third = square(0).at(0.0), market_square(0).world.at(0.0), square(1).at(0.0)
    np.testing.assert_array_equal(first.world_from_part, second.world_from_part)
    np.testing.assert_array_equal(first.materials, second.materials)
    assert len(first) != len(third) or not np.allclose(first.world_from_part, third.world_from_part)


def test_things_stand_on_the_ground() -> None:
    """What stands about the middle starts at the pavement: nothing is sunk, nothing floats."""
    world = square(0)
    snapshot = world.at(0.0)
    for body, name in enumerate(body.name for body in world.bodies):
        if name in ("fountain", "cafe", "market", "bookseller"):
            lowest = snapshot.corners()[snapshot.bodies == body][..., 2].min()
            assert -0.2 < lowest < 0.02, name


def test_views_are_full_of_different_things() -> None:
    """From all around there are houses, furniture, plants and some sky; no single part fills the picture."""
    world = square(0)
    snapshot = world.at(0.0)
    for c2w in around_the_fountain(8, 0):
        parts, _ = cast(snapshot, Pinhole(c2w, pinhole_matrix(96, 54, 68.0), 96, 54))
        labels = {world.bodies[body].label for body in snapshot.bodies[parts[parts >= 0]]}
        assert {"building", "furniture", "plant", "ground"} <= labels
        assert len(np.unique(parts)) > 120
        counts = np.bincount(parts[parts >= 0])
        assert counts.max() < 0.45 * parts.size
