"""Rectangles meet when they share a point; boxes hold what they are about."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.synthetic.motions import there_and_back
from data.synthetic.props.figures import Clothes, add_walker
from data.synthetic.street.actors import Footprint, footprint, make_actor
from data.synthetic.world import World


def rectangle(rng: np.random.Generator) -> Footprint:
    half = (float(rng.uniform(0.3, 2.5)), float(rng.uniform(0.3, 1.2)))
    return Footprint(rng.uniform(-2.5, 2.5, (1, 2)), rng.uniform(-4, 4, 1), half)


def sampled(shape: Footprint) -> np.ndarray:
    u, v = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
    cosine, sine = np.cos(shape.headings[0]), np.sin(shape.headings[0])
    local = np.stack([u.ravel() * shape.half_m[0], v.ravel() * shape.half_m[1]], 1)
    return local @ np.array([[cosine, sine], [-sine, cosine]]) + shape.centers[0]


def holds(shape: Footprint, points: np.ndarray, slack: float) -> bool:
    cosine, sine = np.cos(shape.headings[0]), np.sin(shape.headings[0])
    local = (points - shape.centers[0]) @ np.array([[cosine, -sine], [sine, cosine]])
    return bool((np.abs(local) <= np.array(shape.half_m) + slack).all(1).any())


@given(seed=st.integers(0, 10_000))
def test_two_meet_when_a_point_is_in_both(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rectangle(rng), rectangle(rng)
    meet = first.meets(second)
    assert meet == second.meets(first)
    if holds(first, sampled(second), -1e-9):
        assert meet
    if not holds(first, sampled(second), 0.1):  # the samples are up to 0.13 m apart
        assert not meet


def test_a_walkers_box_holds_all_its_limbs_at_any_time() -> None:
    points = np.stack([np.linspace(-2, 8, 101), np.zeros(101)], 1)
    world = World()
    clothes = Clothes(("knitted", (1, 1, 1)), ("denim", (1, 1, 1)))
    body = add_walker(world, "walker", there_and_back(points), 1.5, clothes, start_m=2.0)
    actor = make_actor("walker", "person", world, body, np.linspace(0, 1.4, 25).tolist())
    for time in (0.03, 0.61, 2.17):
        (box,) = actor.boxes(world, (time,))
        local = (world.at(time).corners().reshape(-1, 3) - box[:3, 3]) @ box[:3, :3]
        assert (np.abs(local) <= np.array(actor.size_m) / 2).all()
    np.testing.assert_allclose(actor.velocity(world, 1.0)[:2], (1.5, 0), atol=1e-6)
    assert 0.4 < actor.size_m[1] < 1.0 < actor.size_m[2] < 2.0
    stood = footprint(actor.boxes(world, (0.0, 1.0)), actor.size_m)
    np.testing.assert_allclose(stood.centers[1] - stood.centers[0], (1.5, 0), atol=1e-9)
