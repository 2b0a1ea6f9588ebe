import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.occupancy.from_lidar.rays import above_ground, flat_voxels, passed

SIZE = (7, 6, 5)


def naive(start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Voxels that hold a piece of the segment longer than a sampling step, walked in tiny steps."""
    shares = torch.linspace(0, 1, 20_001, dtype=torch.float64)[:-1]
    points = start + shares[:, None] * (end - start)
    flat, inside = flat_voxels(points, SIZE)
    hits = torch.bincount(flat[inside], minlength=7 * 6 * 5)
    last, within = flat_voxels(end[None], SIZE)
    if bool(within[0]):
        hits[last] = 0
    return hits.view(SIZE)


def cast(starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    return passed(starts, ends, torch.arange(len(starts)), SIZE)


@given(seed=st.integers(0, 10_000))
def test_the_voxels_are_those_of_a_walk_along_the_ray(seed: int) -> None:
    """From inside and outside of the grid, into it, through it and past it."""
    generator = torch.Generator().manual_seed(seed)
    start, end = (torch.rand(2, 3, generator=generator, dtype=torch.float64) * 14 - 4).unbind()
    walked = naive(start, end)
    counts = cast(start[None], end[None])
    assert (counts[walked > 3] == 1).all()  # all but corners that are cut by less than the walk's steps
    assert (walked[counts > 0] > 0).float().sum() >= (counts > 0).sum() - int((walked <= 3).sum() > 0) * 2
    assert int(counts.max()) <= 1


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_ray_along_an_axis(axis: int, backwards: bool) -> None:
    start, end = torch.full((3,), 0.5, dtype=torch.float64), torch.full((3,), 0.5, dtype=torch.float64)
    end[axis] = SIZE[axis] - 0.5
    counts = cast(*((end[None], start[None]) if backwards else (start[None], end[None])))
    line = counts.movedim(axis, 0)[:, 0, 0]
    expected = torch.ones(SIZE[axis], dtype=torch.long)
    expected[0 if backwards else -1] = 0
    assert torch.equal(line, expected)
    assert int(counts.sum()) == SIZE[axis] - 1


@given(seed=st.integers(0, 10_000))
def test_nothing_at_or_behind_a_return_is_passed(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(1, 3, generator=generator, dtype=torch.float64) * torch.tensor(SIZE)
    end = torch.rand(1, 3, generator=generator, dtype=torch.float64) * torch.tensor(SIZE)
    counts = cast(start, end)
    way = (end - start)[0]
    corners = torch.stack(torch.meshgrid(*[torch.arange(n) for n in SIZE], indexing="ij"), -1).double()
    # The nearest that a voxel comes to the start, measured along the ray.
    nearest = ((corners - start[0]) * way + torch.clamp(way, max=0)).sum(-1)
    assert not (counts[nearest >= way.square().sum()] > 0).any()
    last, _ = flat_voxels(end, SIZE)
    assert int(counts.flatten()[last]) == 0


def test_rays_are_counted_and_bundled() -> None:
    start = torch.tensor([[0.5, 0.5, 0.5]]).double()
    ends = torch.tensor([[6.5, 0.5, 0.5], [6.6, 0.4, 0.4], [20.0, 0.5, 0.5]]).double()
    same = passed(start.repeat(3, 1), ends, torch.zeros(3, dtype=torch.long), SIZE)
    assert same[:6, 0, 0].tolist() == [3] * 6
    assert int(same[6, 0, 0]) == 1  # only the third goes through
    assert torch.equal(same, cast(start.repeat(3, 1), ends))


def test_rays_outside_pass_nothing() -> None:
    starts = torch.tensor([[-3.0, -1.0, 2.0], [-2.0, 2.0, 2.0], [1.0, 2.0, 9.0]]).double()
    ends = torch.tensor([[9.0, -0.5, 2.0], [-1.0, 2.0, 2.0], [1.0, 2.0, 5.5]]).double()
    assert int(cast(starts, ends).sum()) == 0
    assert int(cast(starts[:0], ends[:0]).sum()) == 0


def test_rays_end_a_voxel_above_the_ground() -> None:
    starts = torch.tensor([[0.0, 0.0, 4.0], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    ends = torch.tensor([[8.0, 0.0, 0.0], [8.0, 0.0, 0.0], [8.0, 0.0, 1.0]])
    expected = torch.tensor([[6.0, 0.0, 1.0], [0.0, 0.0, 0.5], [8.0, 0.0, 1.0]])
    torch.testing.assert_close(above_ground(starts, ends), expected)
