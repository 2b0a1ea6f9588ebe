"""Depth, flow and masks agree with each other, checked by rays through exact positions."""

from functools import partial

import numpy as np
import pytest

from data.synthetic.casting import trace
from data.synthetic.flow import Seen, flow_to, motion_px, moving_now, occluded, pixel_centers, points_of
from data.synthetic.paths import along_a_site, around_the_fountain
from data.synthetic.shading import cutout
from data.synthetic.stage import Stage
from data.synthetic.views import Pinhole, pinhole_matrix

WIDTH, HEIGHT = 64, 36
K = pinhole_matrix(WIDTH, HEIGHT, 68.0)
TIMES = np.array([0.5, 0.6])


def see(stage: Stage, c2w: np.ndarray, time_s: float) -> Seen:
    view = Pinhole(c2w, K, WIDTH, HEIGHT)
    return Seen(view, *stage.geometry(view, time_s))


@pytest.fixture(scope="module")
def pair(stage: Stage) -> tuple[Seen, Seen]:
    """Two moments of the video, a tenth of a second apart."""
    poses = along_a_site(TIMES, 0)
    return see(stage, poses[0], TIMES[0]), see(stage, poses[1], TIMES[1])


def trace_to(stage: Stage, seen: Seen, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What rays through exact pixel positions meet: part and z-depth."""
    directions = seen.view.directions(pixels)
    origins = np.tile(seen.view.c2w[:3, 3], (len(pixels), 1))
    return trace(seen.snapshot, origins, directions, partial(cutout, stage.library))


def test_depth_of_one_view_is_that_of_another(stage: Stage) -> None:
    """A point seen in one view is met by another view's ray toward it, unless something is in the way."""
    poses = around_the_fountain(12, 0)
    first, second = see(stage, poses[0], 0.0), see(stage, poses[1], 0.0)
    points = points_of(first)[np.isfinite(first.depths.ravel())]
    pixels, z = second.view.project(points)
    ahead = z > 0.1
    _, met = trace_to(stage, second, pixels[ahead])
    z = z[ahead]
    assert (met < z * 1.001 + 2e-3).mean() > 0.995  # a ray may slip past the very edge of what it aims at
    same = np.abs(met - z) < z * 1e-3 + 2e-3
    assert same.mean() > 0.3
    # Hidden points are well hidden: nothing lies between the tolerance and the thickness of things.
    assert (np.abs(met - z)[~same] > 5e-3).mean() > 0.98


def test_flow_leads_to_the_same_place_on_the_same_part(stage: Stage, pair: tuple[Seen, Seen]) -> None:
    first, second = pair
    flow, depths = flow_to(first, second.view, second.snapshot)
    target = pixel_centers(first.view) + flow.reshape(-1, 2)
    parts = first.parts.ravel()
    solid = parts >= 0
    met_parts, met_depths = trace_to(stage, second, target[solid])
    same = met_parts == parts[solid]
    assert same.mean() > 0.9
    assert (met_depths <= depths[solid] * 1.001 + 2e-3).mean() > 0.995
    moving = first.moving.ravel()[solid]
    assert moving.sum() > 20
    # In the frame of its part a point stays where it was: this is what "exact" means for things that move.
    rows = np.flatnonzero(solid)[same & moving]
    before = _in_part(first, points_of(first)[rows], parts[rows])
    after = second.view.c2w[:3, 3] + second.view.directions(target[rows]) * met_depths[same & moving][:, None]
    difference = np.abs(_in_part(second, after, parts[rows]) - before).max(1)
    assert (difference < 2e-3).mean() > 0.9


def _in_part(seen: Seen, points: np.ndarray, parts: np.ndarray) -> np.ndarray:
    transforms = seen.snapshot.part_from_world[parts]
    return np.einsum("nij,nj->ni", transforms[:, :3, :3], points) + transforms[:, :3, 3]


def test_flow_outside_the_mask_is_the_cameras_own(pair: tuple[Seen, Seen]) -> None:
    """Depth, K and poses alone explain whatever does not move; some of what moves they do not."""
    first, second = pair
    flow, _ = flow_to(first, second.view, second.snapshot)
    pixels = pixel_centers(first.view)
    homogeneous = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
    depths = np.minimum(first.depths.reshape(-1, 1).astype(np.float64), 1e8)
    in_camera = np.linalg.solve(K, homogeneous.T).T * depths
    moved = np.linalg.inv(second.view.c2w) @ first.view.c2w
    projected = (in_camera @ moved[:3, :3].T + moved[:3, 3]) @ K.T
    own = (projected[:, :2] / projected[:, 2:] - pixels).reshape(HEIGHT, WIDTH, 2)
    difference = np.linalg.norm(flow - own, axis=-1)
    assert difference[~first.moving].max() < 1e-2
    assert np.median(difference[first.moving]) > 0.1


def test_motion_is_the_part_of_flow_that_the_camera_does_not_explain(pair: tuple[Seen, Seen]) -> None:
    """Twice the same flow: of the world, and of the world with everything held where it was."""
    first, second = pair
    flow, _ = flow_to(first, second.view, second.snapshot)
    held, _ = flow_to(first, second.view, first.snapshot)
    distances = motion_px(first, second.view, second.snapshot)
    np.testing.assert_allclose(distances, np.linalg.norm(flow - held, axis=-1), atol=1e-4)
    assert (distances[first.moving] > 0.1).mean() > 0.5
    assert not distances[~first.moving].any()


def test_what_stands_still_does_not_move_now(stage: Stage) -> None:
    """Under way all of the trolley moves, at rest none of it; most of the others move at both times."""
    world, roots = stage.world, stage.world.roots()
    trolley = [body.name for body in world.bodies].index("stop-and-go trolley")
    times = np.arange(0, 1.6, 1 / 24)
    places = np.array([world.poses(float(time))[trolley, :3, 3] for time in times])
    resting = int(np.flatnonzero(np.ptp([places[:-2], places[1:-1], places[2:]], axis=0).max(1) < 1e-9)[0])
    c2w = along_a_site(times[:1], 0, "static")[0]
    for row, moves in ((1, True), (resting + 1, False)):
        seen = see(stage, c2w, float(times[row]))
        near = [(seen.view, world.at(float(times[row + step]))) for step in (-1, 1)]
        now, own = moving_now(seen, near, roots), seen.things(roots) == trolley
        assert own.any()
        assert (now[own] == moves).all()
        # Far off, a step takes less than a tenth of these coarse pixels.
        assert now[seen.moving & ~own].mean() > 0.7
        assert not now[~seen.moving].any()


def test_a_thing_is_all_that_hangs_together(stage: Stage, pair: tuple[Seen, Seen]) -> None:
    seen, world = pair[0], stage.world
    things = seen.things(world.roots())
    assert ((things < 0) == (seen.parts < 0)).all()
    assert all(world.bodies[thing].parent is None for thing in np.unique(things[things >= 0]))
    trolley = [body.name for body in world.bodies].index("stop-and-go trolley")
    names = {world.bodies[body].name for body in seen.snapshot.bodies[seen.parts[things == trolley]]}
    assert len(names) > 1
    assert all(name.startswith("stop-and-go trolley") for name in names)


def test_occlusion_is_what_rays_say(stage: Stage, pair: tuple[Seen, Seen]) -> None:
    first, second = pair
    flow, depths = flow_to(first, second.view, second.snapshot)
    hidden = occluded(first, second, flow, depths).ravel()
    target = pixel_centers(first.view) + flow.reshape(-1, 2)
    inside = (target > 0).all(1) & (target < (WIDTH, HEIGHT)).all(1)
    solid = (first.parts.ravel() >= 0) & inside
    _, met = trace_to(stage, second, target[solid])
    truly = met < depths[solid] * 0.97
    assert truly.any()
    # The picture's pixels are coarse here: thin things hide what they miss by less than a pixel.
    assert (hidden[solid] == truly).mean() > 0.9
    assert hidden[~inside].all()


def test_nothing_flows_when_nothing_moves(pair: tuple[Seen, Seen]) -> None:
    first = pair[0]
    flow, depths = flow_to(first, first.view, first.snapshot)
    assert np.abs(flow).max() < 1e-2
    finite = np.isfinite(first.depths.ravel())
    np.testing.assert_allclose(depths[finite], first.depths.ravel()[finite], rtol=1e-6)
    assert not occluded(first, first, flow, depths).any()


def test_masks_are_true_on_bodies_that_move_only(stage: Stage, pair: tuple[Seen, Seen]) -> None:
    seen = pair[0]
    bodies = stage.world.bodies
    labels = {bodies[body].label for body in seen.snapshot.bodies[seen.parts[seen.moving]]}
    assert labels <= {"vehicle", "person", "toy", "animal"}
    names = {bodies[body].name for body in seen.snapshot.bodies[seen.parts[~seen.moving & (seen.parts >= 0)]]}
    assert {"ground", "plants"} <= names
    assert not names & {"car", "van", "walker 0", "walker 1"}
