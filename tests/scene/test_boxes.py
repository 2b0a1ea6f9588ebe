import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import quat_to_rotation
from scene.boxes import MovingBoxes, box_corners, boxes_mask, count_points, hull_mask, points_inside
from scene.drive import Box

K = np.array([[30.0, 0.0, 17.3], [0.0, 28.0, 11.8], [0.0, 0.0, 1.0]])
WIDTH, HEIGHT = 36, 24
NEAR_M = 0.1

seeds = st.integers(0, 10_000)


def pose(seed: int, reach: float) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    world_from_box = torch.eye(4, dtype=torch.float64)
    world_from_box[:3, :3] = quat_to_rotation(torch.randn(4, generator=random, dtype=torch.float64))
    world_from_box[:3, 3] = reach * torch.randn(3, generator=random, dtype=torch.float64)
    return world_from_box


def box(seed: int = 0, reach: float = 2.0, **changes: object) -> Box:
    values = {"speed_m_s": 5.0, "lidar_points": 30, "size_m": (4.0, 2.0, 1.5), **changes}
    return Box("a", "Car", pose(seed, reach), **values)  # pyright: ignore[reportArgumentType]


def hit_by_rays(world_from_box: torch.Tensor, size_m: tuple[float, ...]) -> np.ndarray:
    """Which pixels' rays meet a box at the near plane or beyond, by the slabs of the box."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays = np.stack([(x - K[0, 2]) / K[0, 0], (y - K[1, 2]) / K[1, 1], np.ones_like(x)], axis=-1)
    rotation, center = world_from_box[:3, :3].numpy(), world_from_box[:3, 3].numpy()
    direction, start = rays @ rotation, -center @ rotation
    ends = np.sort([(sign * np.array(size_m) / 2 - start) / direction for sign in (-1, 1)], axis=0)
    return np.maximum(ends[0].max(axis=-1), NEAR_M) <= ends[1].min(axis=-1)


@given(seeds, st.sampled_from([1.0, 3.0, 8.0]))
def test_a_hull_covers_the_pixels_whose_rays_meet_the_box(seed: int, reach: float) -> None:
    one = box(seed, reach)
    corners = box_corners(one.world_from_box.numpy(), one.size_m)
    mask = hull_mask(corners, K, WIDTH, HEIGHT)
    # The hull is rounded to 32 bits: an edge may take or leave a pixel that it grazes.
    assert (mask != hit_by_rays(one.world_from_box, one.size_m)).sum() <= 1


def test_a_box_before_and_behind_the_camera_covers_what_is_before() -> None:
    astride = torch.eye(4, dtype=torch.float64)
    astride[:3, 3] = torch.tensor([1.0, 0.0, 0.0])
    corners = box_corners(astride.numpy(), (0.8, 0.6, 40.0))
    mask = hull_mask(corners, K, WIDTH, HEIGHT)
    assert mask.any()
    assert (mask == hit_by_rays(astride, (0.8, 0.6, 40.0))).all()


def test_a_box_behind_the_camera_covers_nothing() -> None:
    behind = torch.eye(4, dtype=torch.float64)
    behind[2, 3] = -10.0
    assert not hull_mask(box_corners(behind.numpy(), (4.0, 2.0, 1.5)), K, WIDTH, HEIGHT).any()


def test_corners_are_half_a_size_from_the_centre() -> None:
    one = box(3)
    corners = box_corners(one.world_from_box.numpy(), one.size_m)
    own = (corners - one.world_from_box[:3, 3].numpy()) @ one.world_from_box[:3, :3].numpy()
    assert np.abs(own) == pytest.approx(np.tile([2.0, 1.0, 0.75], (8, 1)))
    assert len({tuple(row) for row in np.sign(own)}) == 8


@given(seeds)
def test_counting_is_counting_one_by_one(seed: int) -> None:
    xyz = 3 * torch.randn(400, 3, generator=torch.Generator().manual_seed(seed))
    boxes = [box(seed + row) for row in range(4)]
    counts = count_points(boxes, xyz)
    assert counts == [int(points_inside(one, xyz).sum()) for one in boxes]
    own = [(xyz.double() - one.world_from_box[:3, 3]) @ one.world_from_box[:3, :3] for one in boxes]
    half = torch.tensor([2.0, 1.0, 0.75])
    assert counts == [sum(bool((row.abs() <= half).all()) for row in rows) for rows in own]


@pytest.mark.parametrize(
    ("changes", "counts"),
    [({}, 1), ({"speed_m_s": 1.0}, 0), ({"lidar_points": 9}, 0), ({"lidar_points": 10}, 1)],
)
def test_which_boxes_count(changes: dict[str, object], counts: int) -> None:
    chosen = MovingBoxes().choose([box(**changes)], torch.zeros(3, dtype=torch.float64))
    assert len(chosen) == counts


def test_far_boxes_do_not_count() -> None:
    one = box()
    away = one.world_from_box[:3, 3] + torch.tensor([0.0, 48.0, 64.1], dtype=torch.float64)
    assert MovingBoxes().choose([one], away) == ()
    assert MovingBoxes(max_distance_m=81.0).choose([one], away) == (one,)


def test_a_mask_is_that_of_the_boxes_that_count_seen_from_the_camera() -> None:
    ahead = torch.eye(4, dtype=torch.float64)
    ahead[:3, 3] = torch.tensor([0.5, -0.2, 6.0])
    moving = Box("a", "Car", ahead, (1.0, 1.0, 1.0), 3.0, 20)
    parked = Box("b", "Car", ahead, (4.0, 4.0, 1.0), 0.0, 20)
    viewmat = torch.linalg.inv(pose(5, 2.0))
    seen = [
        Box(one.track, one.label, pose(5, 2.0) @ ahead, one.size_m, one.speed_m_s, one.lidar_points)
        for one in (moving, parked)
    ]
    mask = boxes_mask(seen, viewmat, torch.from_numpy(K), WIDTH, HEIGHT)
    assert mask.any()
    assert (mask.numpy() == hit_by_rays(ahead, (1.0, 1.0, 1.0))).all()
