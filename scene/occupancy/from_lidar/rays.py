"""Which voxels rays pass through: every one that a segment enters, and none at or behind its end.

All coordinates are in voxels: voxel (i, j, k) is [i, i + 1) x [j, j + 1) x [k, k + 1).
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_AT_ONCE = 50_000  # rays: some hundred megabytes of crossings


class Segments(NamedTuple):
    """Parts of rays inside of the grid.

    Args:
        starts: where they begin in the grid.
        ends: where they end in it.
        last: voxel in which the ray's return lies, flat; -1 where it lies outside of the grid.
        weights: how many rays each stands for.
    """

    starts: Float[Tensor, "R 3"]
    ends: Float[Tensor, "R 3"]
    last: Int64[Tensor, " R"]
    weights: Float[Tensor, " R"]


def passed(
    starts: Float[Tensor, "R 3"],
    ends: Float[Tensor, "R 3"],
    places: Int64[Tensor, " R"],
    size: tuple[int, int, int],
) -> Int64[Tensor, "X Y Z"]:
    """How many rays pass through each voxel.

    A ray enters a voxel wherever it crosses a plane between voxels; where it does is a matter of arithmetic
    for each crossing by itself, so that no ray is followed step by step. Of the rays that begin at one place
    and leave the grid, or end, in the same voxel, one is followed for all.

    Args:
        starts: where the rays begin, anywhere.
        ends: their returns. The voxel of the return is not passed.
        places: a number for each place where rays begin, not negative.
        size: voxels of the grid along x, y, z.
    """
    counts = torch.zeros(size[0] * size[1] * size[2], dtype=torch.float64)
    segments = _bundled(*_clipped(starts, ends, size), places, size)
    for chunk in range(0, len(segments.last), _AT_ONCE):
        rows = slice(chunk, chunk + _AT_ONCE)
        _count(counts, Segments(*(part[rows] for part in segments)), size)
    return counts.round().long().view(size)


def above_ground(starts: Float[Tensor, "R 3"], ends: Float[Tensor, "R 3"]) -> Float[Tensor, "R 3"]:
    """Where rays that come down on the ground are still a voxel above the place where they meet it.

    Farther on they skim over voxels that hold ground too, of which a sweep shows some rows only: those are
    not free, though nothing was returned from them.
    """
    drops = starts[:, 2] - ends[:, 2]
    shares = torch.where(drops > 1e-6, 1 / drops.clamp_min(1e-6), 0.0).clamp_max(1.0)
    return ends + (starts - ends) * shares[:, None]


def flat_voxels(
    xyz: Float[Tensor, "P 3"], size: tuple[int, int, int]
) -> tuple[Int64[Tensor, " P"], Bool[Tensor, " P"]]:
    """Place of each point's voxel in the flattened grid, clamped to it, and whether it is inside."""
    flat = torch.zeros(len(xyz), dtype=torch.long)
    inside = torch.ones(len(xyz), dtype=torch.bool)
    for axis, limit in enumerate(size):
        places = xyz[:, axis]
        inside &= (places >= 0) & (places < limit)
        # Clamped first: towards nought, numbers that are not negative are cut where they would be floored.
        flat = flat * limit + places.clamp(0, limit - 1).long()
    return flat, inside


def _clipped(
    starts: Float[Tensor, "R 3"], ends: Float[Tensor, "R 3"], size: tuple[int, int, int]
) -> tuple[Segments, Int64[Tensor, " Q"]]:
    """The parts of rays inside of the grid, and which rays have one."""
    ways = ends - starts
    ways = torch.where(ways.abs() < 1e-9, torch.full_like(ways, 1e-9), ways)
    limits = torch.tensor(size).to(starts)
    low, high = -starts / ways, (limits - starts) / ways
    enter = torch.minimum(low, high).amax(dim=1).clamp_min(0.0)
    leave = torch.maximum(low, high).amin(dim=1).clamp_max(1.0)
    rows = torch.nonzero(enter < leave)[:, 0]
    starts, ways, enter, leave = starts[rows], ways[rows], enter[rows], leave[rows]
    voxels, inside = flat_voxels(ends[rows], size)
    segments = Segments(
        starts + ways * enter[:, None],
        starts + ways * leave[:, None],
        torch.where(inside, voxels, torch.full_like(voxels, -1)),
        torch.ones(len(rows), dtype=torch.float64),
    )
    return segments, rows


def _bundled(
    segments: Segments, rows: Int64[Tensor, " Q"], places: Int64[Tensor, " R"], size: tuple[int, int, int]
) -> Segments:
    """One segment for all that begin in one place and end in one voxel."""
    total = size[0] * size[1] * size[2]
    exits, _ = flat_voxels(segments.ends, size)
    keys = (places[rows] * 2 + (segments.last >= 0)) * total + exits
    kinds, members, counts = torch.unique(keys, return_inverse=True, return_counts=True)
    chosen = torch.empty(len(kinds), dtype=torch.long).scatter_(0, members, torch.arange(len(keys)))
    bundle = Segments(*(part[chosen] for part in segments))
    return bundle._replace(weights=counts.double())


def _count(counts: Float[Tensor, " V"], segments: Segments, size: tuple[int, int, int]) -> None:
    """Add the voxels that some segments enter."""
    first, _ = flat_voxels(segments.starts, size)
    _add(counts, first, segments.last, segments.weights)
    for axis in range(3):
        begin, end = segments.starts[:, axis], segments.ends[:, axis]
        forward = end >= begin
        # Planes strictly between the ends, in the order in which they are crossed.
        nearest = torch.where(forward, torch.floor(begin) + 1, torch.ceil(begin) - 1)
        farthest = torch.where(forward, torch.ceil(end) - 1, torch.floor(end) + 1)
        step = torch.where(forward, 1.0, -1.0).to(begin)
        crossings = ((farthest - nearest) * step + 1).clamp_min(0).long()
        rays = torch.repeat_interleave(torch.arange(len(begin)), crossings)
        order = torch.arange(len(rays)) - torch.repeat_interleave(crossings.cumsum(0) - crossings, crossings)
        planes = nearest[rays] + step[rays] * order
        along = (planes - begin[rays]) / (end - begin)[rays]
        places = segments.starts[rays] + along[:, None] * (segments.ends - segments.starts)[rays]
        places[:, axis] = planes + 0.5 * step[rays]  # within the voxel that is entered
        _add(counts, flat_voxels(places, size)[0], segments.last[rays], segments.weights[rays])


def _add(
    counts: Float[Tensor, " V"],
    voxels: Int64[Tensor, " C"],
    last: Int64[Tensor, " C"],
    weights: Float[Tensor, " C"],
) -> None:
    before = voxels != last
    counts += torch.bincount(voxels[before], weights=weights[before], minlength=len(counts))
