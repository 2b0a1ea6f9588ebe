"""The culled caster finds what trying every part on every ray finds."""

from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.synthetic.casting import NOTHING, cast, cast_depths, trace
from data.synthetic.flow import pixel_centers
from data.synthetic.materials import make_library
from data.synthetic.parts import Part, box
from data.synthetic.poses import look_at, pose
from data.synthetic.shading import cutout
from data.synthetic.views import Parallel, Pinhole, pinhole_matrix
from data.synthetic.world import World
from tests.data.synthetic.test_views import scanner


def camera(seed: int, width: int = 40, height: int = 30) -> Pinhole:
    rng = np.random.default_rng(seed)
    eye = rng.normal(size=3)
    eye *= rng.uniform(2.5, 6) / np.linalg.norm(eye)
    return Pinhole(
        look_at(eye, rng.normal(size=3) * 0.3, roll=20.0), pinhole_matrix(width, height, 70.0), width, height
    )


@given(seed=st.integers(0, 1000))
def test_cast_is_trace(seed: int, world: World) -> None:
    snapshot, view = world.at(0.3), camera(seed)
    library = make_library(world.materials, 0, 16)
    holes = partial(cutout, library)
    parts, depths = cast(snapshot, view, holes)
    directions = view.directions(pixel_centers(view))
    origins = np.tile(view.c2w[:3, 3], (len(directions), 1))
    expected_parts, expected_depths = trace(snapshot, origins, directions, holes)
    # Rays that graze an edge or a hole's rim may fall to either side: float32 differs in the last digit.
    same = parts.ravel() == expected_parts
    assert same.mean() > 0.99
    np.testing.assert_allclose(depths.ravel()[same], expected_depths[same], rtol=1e-4)


@given(seed=st.integers(0, 1000))
def test_a_lidar_meets_what_tracing_meets(seed: int, world: World) -> None:
    lidar, snapshot = scanner(seed), world.at(0.3)
    parts, ranges = cast(snapshot, lidar)
    directions = lidar.directions().reshape(-1, 3)
    origins = np.tile(lidar.world_from_scanner[:3, 3], (len(directions), 1))
    expected_parts, expected_ranges = trace(snapshot, origins, directions)
    same = parts.ravel() == expected_parts
    assert same.mean() > 0.99
    np.testing.assert_allclose(ranges.ravel()[same], expected_ranges[same], rtol=1e-4)


def test_parallel_rays_see_the_plan(world: World) -> None:
    """From above, the parameter is the height that is left."""
    down = Parallel(pose((-3.0, 3.0, 10.0), roll=180), 0.1, 60, 60)
    parts, depths = cast(world.at(0.0), down)
    rows, columns = np.nonzero(parts != NOTHING)
    x, y = -3.0 + 0.1 * (columns + 0.5), 3.0 - 0.1 * (rows + 0.5)
    origins = np.stack([x, y, np.full(len(x), 10.0)], axis=1)
    _, expected = trace(world.at(0.0), origins, np.tile([0.0, 0.0, -1.0], (len(x), 1)))
    seen = depths[rows, columns]
    assert len(seen) > 200
    assert (np.abs(seen - expected) < 1e-3).mean() > 0.99


def test_depths_of_two_groups_are_those_of_all(world: World) -> None:
    snapshot, view = world.at(0.0), camera(3)
    first = cast_depths(snapshot.only(~snapshot.moving), view)
    np.testing.assert_array_equal(
        cast_depths(snapshot.only(snapshot.moving), view, before=first), cast(snapshot, view)[1]
    )


def test_order_of_parts_does_not_matter(solids: list[Part]) -> None:
    images = []
    for parts in (solids, solids[::-1]):
        world = World()
        world.add_static("solids", "furniture", parts)
        images.append(cast(world.at(0.0), camera(5))[1])
    np.testing.assert_array_equal(*images)


def test_inside_a_shell_its_far_side_is_seen_through_no_hole(solids: list[Part]) -> None:
    """A pierced part is a shell: a ray passes where both of its sides have holes."""
    world = World()
    world.add_static("leaves", "plant", [part for part in solids if part.pierced])
    snapshot, view = world.at(0.0), camera(8, 80, 60)
    solid = cast(snapshot, view)[0] != NOTHING
    pierced = cast(snapshot, view, partial(cutout, make_library(world.materials, 0, 128)))[0] != NOTHING
    assert 0 < (solid & ~pierced).sum() < solid.sum()
    assert not (pierced & ~solid).any()


def test_parts_that_reach_behind_the_camera_are_seen() -> None:
    world = World()
    world.add_static("ground", "ground", [box("grass", (100.0, 100.0, 1.0), (0.0, 0.0, -1.0))])
    eye = np.array([0.0, 0.0, 1.5])
    view = Pinhole(look_at(eye, np.array([1.0, 0.2, 1.4])), pinhole_matrix(32, 24, 80.0), 32, 24)
    parts, depths = cast(world.at(0.0), view)
    assert (parts[-1] == 0).all()
    hit = np.isfinite(depths)
    heights = (view.directions(pixel_centers(view)).reshape(24, 32, 3) * depths[..., None])[hit][:, 2] + 1.5
    np.testing.assert_allclose(heights, 0, atol=1e-4)
