"""Velocities of groups of lidar returns from the sweeps around them, and groups followed over time.

Things move over the ground: velocities are horizontal, and a thing hardly turns between two sweeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.signal import fftconvolve
from scipy.spatial import KDTree

_NEIGHBORS = (1, 3)  # sweeps before and after that a velocity is measured with
_LONGEST_GAP_S = 0.45
_CELL_M = 0.2
_VOTE_STEP_M_S = 0.5
_MOST_POINTS = 150
_CLOSE_M = 0.6
_TIGHT_M = 0.25
_ITERATIONS = 8
_LEAST_OVERLAP = 0.4
_LEAST_GAIN = 0.25
_SAME_M_S = 2.5
_BRAKES_M_S2 = 8.0
_LEAST_SEEN = 0.6  # of a region's returns that must meet others in the next sweep, where it was lost
_AROUND_M = 15.0  # of a region's middle, where what stands is looked at too
_JUMP_SHARE = 0.25


@dataclass(frozen=True)
class Region:
    """Returns of one sweep that seem to belong to one thing.

    Args:
        xyz: their places, metres.
        velocity: over ground, metres per second.
        score: how well the velocity explains the sweeps around, in [0, 1].
        track: the thing's number over time; -1 if it has none.
    """

    xyz: Float[ndarray, "M 3"]
    velocity: Float[ndarray, "2"] = field(default_factory=lambda: np.zeros(2))
    score: float = 0.0
    track: int = -1


@dataclass(frozen=True)
class Tracking:
    """What counts as motion.

    Args:
        top_speed_m_s: the greatest that is searched for.
        least_speed_m_s: slower things are static.
        least_frames: a thing must be followed over so many sweeps.
    """

    top_speed_m_s: float
    least_speed_m_s: float
    least_frames: int


@dataclass(frozen=True)
class _Target:
    """What another sweep shows: returns that may move and such that do not, some time away."""

    gap_s: float
    suspects: KDTree
    solid: KDTree


def track_regions(
    regions: Sequence[Sequence[Region]],
    suspects: Sequence[Float[ndarray, "_S 3"]],
    solid: Sequence[Float[ndarray, "_T 3"]],
    times: Float[ndarray, " F"],
    config: Tracking,
) -> list[list[Region]]:
    """The regions of each sweep that move, with velocities and numbers.

    Args:
        regions: of each sweep.
        suspects: all returns of each sweep that may move.
        solid: those that stand where something stood at other times too.
        times: of the sweeps, seconds, increasing.
        config: what counts as motion.
    """
    trees = [(_tree(moving), _tree(still)) for moving, still in zip(suspects, solid, strict=True)]
    measured = []
    for row, found in enumerate(regions):
        targets = _targets(trees, times, row)
        measured.append([_measured(region, targets, config) for region in found] if targets else [])
    tracks = _linked(measured, times)
    accepted = _accepted(measured, tracks, times, config)
    for rows in (range(1, len(times)), range(len(times) - 2, -1, -1)):
        before = rows.start - 1 if rows.step > 0 else rows.start + 1
        for row in rows:
            gap = float(times[row] - times[before])
            accepted[row] += _prolonged(accepted[before], accepted[row], _Target(gap, *trees[row]))
            before = row
    return accepted


def _tree(xyz: Float[ndarray, "P 3"]) -> KDTree:
    return KDTree(xyz if len(xyz) else np.full((1, 3), 1e9))


def _targets(trees: Sequence[tuple[KDTree, KDTree]], times: Float[ndarray, " F"], row: int) -> list[_Target]:
    others = [row + sign * step for step in _NEIGHBORS for sign in (-1, 1)]
    gaps = {other: float(times[other] - times[row]) for other in others if 0 <= other < len(times)}
    return [_Target(gap, *trees[other]) for other, gap in gaps.items() if abs(gap) <= _LONGEST_GAP_S]


def _measured(region: Region, targets: Sequence[_Target], config: Tracking) -> Region:
    """The region with the velocity that explains the sweeps around it best."""
    points = region.xyz[:: 1 + len(region.xyz) // _MOST_POINTS].astype(np.float64)
    best = max(
        (_refined(points, targets, start) for start in _voted(region.xyz, targets, config)),
        key=lambda velocity: _overlap(points, targets, velocity),
    )
    moving = _overlap(points, targets, best)
    gain = 1 - _misfit(points, targets, best) / max(_misfit(points, targets, np.zeros(2)), 1e-6)
    explains = moving >= _LEAST_OVERLAP and gain >= _LEAST_GAIN
    return replace(region, velocity=best, score=moving if explains else 0.0)


def _voted(
    xyz: Float[ndarray, "M 3"], targets: Sequence[_Target], config: Tracking
) -> list[Float[ndarray, "2"]]:
    """Velocities for which the region's returns, carried along, meet the most others, seen from above."""
    steps = int(np.ceil(config.top_speed_m_s / _VOTE_STEP_M_S))
    axis = np.arange(-steps, steps + 1) * _VOTE_STEP_M_S
    votes = np.zeros((len(axis), len(axis)))
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    size = np.ceil((high - low)[:2] / _CELL_M).astype(int) + 1
    template = _occupied(xyz, low[:2], size)
    for target in targets:
        reach = int(np.ceil(config.top_speed_m_s * abs(target.gap_s) / _CELL_M)) + 2
        near = np.asarray(target.suspects.data)
        corner = low[:2] - reach * _CELL_M
        inside = ((near[:, :2] >= corner) & (near[:, :2] < corner + (size + 2 * reach) * _CELL_M)).all(axis=1)
        inside &= (near[:, 2] > low[2] - _CLOSE_M) & (near[:, 2] < high[2] + _CLOSE_M)
        around = gaussian_filter(_occupied(near[inside], corner, size + 2 * reach), 1.0)
        matches = fftconvolve(around, template[::-1, ::-1], mode="valid")  # by displacement, in cells
        cells = reach + axis * target.gap_s / _CELL_M
        votes += map_coordinates(matches, np.stack(np.meshgrid(cells, cells, indexing="ij")), order=1)
    peaks = []
    for _ in range(2):
        x, y = np.unravel_index(votes.argmax(), votes.shape)
        peaks.append(np.array([axis[x], axis[y]]))
        votes[max(x - 6, 0) : x + 7, max(y - 6, 0) : y + 7] = -1
    return peaks


def _occupied(
    xyz: Float[ndarray, "P 3"], corner: Float[ndarray, "2"], size: Int[ndarray, "2"]
) -> Float[ndarray, "X Y"]:
    """Square roots of the numbers of returns over the cells of a grid: walls say more than single returns."""
    cells = np.minimum(((xyz[:, :2] - corner) / _CELL_M).astype(int), size - 1)
    counts = np.bincount(cells[:, 0] * size[1] + cells[:, 1], minlength=size.prod())
    return np.sqrt(np.minimum(counts, 16)).reshape(size)


def _refined(
    points: Float[ndarray, "M 3"], targets: Sequence[_Target], velocity: Float[ndarray, "2"]
) -> Float[ndarray, "2"]:
    """The velocity at which carried points lie nearest to those of the other sweeps: ICP over all at once."""
    for step in range(_ITERATIONS):
        reach = _CLOSE_M if step < _ITERATIONS // 2 else 1.5 * _TIGHT_M
        top, bottom = np.zeros(2), 0.0
        for target in targets:
            carried = _carried(points, velocity, target.gap_s)
            near, rows = target.suspects.query(carried, distance_upper_bound=reach)
            hit = np.isfinite(near)
            residuals = target.suspects.data[rows[hit]][:, :2] - carried[hit, :2]
            # Least squares of velocity * gap = displacement over the targets.
            top, bottom = top + target.gap_s * residuals.sum(axis=0), bottom + target.gap_s**2 * hit.sum()
        if not bottom:
            return velocity
        velocity = velocity + top / bottom
    return velocity


def _overlap(
    points: Float[ndarray, "M 3"], targets: Sequence[_Target], velocity: Float[ndarray, "2"]
) -> float:
    """Share of carried points that meet others which may move."""
    shares = []
    for target in targets:
        carried = _carried(points, velocity, target.gap_s)
        near = target.suspects.query(carried, distance_upper_bound=_TIGHT_M)[0]
        shares.append(np.isfinite(near).mean())
    return float(np.mean(shares))


def _misfit(
    points: Float[ndarray, "M 3"], targets: Sequence[_Target], velocity: Float[ndarray, "2"]
) -> float:
    """Mean distance of carried points to whatever is nearest; no more than `_CLOSE_M` counts, metres."""
    means = []
    for target in targets:
        carried = _carried(points, velocity, target.gap_s)
        nearest = [tree.query(carried)[0] for tree in (target.suspects, target.solid)]
        means.append(np.minimum(np.minimum(*nearest), _CLOSE_M).mean())
    return float(np.mean(means))


def _carried(
    points: Float[ndarray, "M 3"], velocity: Float[ndarray, "2"], gap_s: float
) -> Float[ndarray, "M 3"]:
    return points + np.array([velocity[0], velocity[1], 0.0]) * gap_s


def _linked(measured: Sequence[Sequence[Region]], times: Float[ndarray, " F"]) -> list[list[int]]:
    """Numbers of the things that regions belong to, sweep by sweep."""
    numbers = [list(range(len(measured[0])))] if measured else []
    used = len(numbers[0]) if numbers else 0
    for row in range(1, len(measured)):
        gap = float(times[row] - times[row - 1])
        follows = _followers(measured[row - 1], measured[row], gap)
        here = []
        for region in range(len(measured[row])):
            before = follows.get(region)
            here.append(used if before is None else numbers[row - 1][before])
            used += before is None
        numbers.append(here)
    return numbers


def _followers(before: Sequence[Region], after: Sequence[Region], gap_s: float) -> dict[int, int]:
    """For regions of a sweep, which of the sweep before became it; the best pairs first, each once."""
    if not before or not after or gap_s > _LONGEST_GAP_S:
        return {}
    owner = np.concatenate([np.full(len(each.xyz), number) for number, each in enumerate(after)])
    tree = KDTree(np.concatenate([each.xyz for each in after]))
    pairs = []
    for number, region in enumerate(before):
        near, rows = tree.query(_carried(region.xyz, region.velocity, gap_s), distance_upper_bound=_CLOSE_M)
        hits = np.bincount(owner[np.asarray(rows)[np.isfinite(near)]], minlength=len(after))
        for other in np.flatnonzero(hits > 0.25 * len(region.xyz)).tolist():
            change = np.linalg.norm(after[other].velocity - region.velocity)
            pairs.append((hits[other] / len(region.xyz) - 0.1 * change, number, other))
    links: dict[int, int] = {}
    for _, number, other in sorted(pairs, reverse=True):
        if other not in links and number not in links.values():
            links[other] = number
    return links


def _accepted(
    measured: Sequence[Sequence[Region]],
    tracks: Sequence[Sequence[int]],
    times: Float[ndarray, " F"],
    config: Tracking,
) -> list[list[Region]]:
    """Regions of the things that really go somewhere, their velocities smoothed over time."""
    members: dict[int, list[tuple[int, Region]]] = {}
    for row, (regions, numbers) in enumerate(zip(measured, tracks, strict=True)):
        for region, number in zip(regions, numbers, strict=True):
            members.setdefault(number, []).append((row, region))
    accepted: list[list[Region]] = [[] for _ in measured]
    for number, entries in members.items():
        if len(entries) < config.least_frames:
            continue
        scores = np.array([region.score for _, region in entries])
        smooth = _smoothed(
            np.array([times[row] for row, _ in entries]),
            np.stack([region.velocity for _, region in entries]),
            scores,
        )
        if smooth is None or np.median(np.linalg.norm(smooth, axis=1)) < config.least_speed_m_s:
            continue
        for (row, region), velocity in zip(entries, smooth, strict=True):
            if not region.score:
                continue  # its own returns do not say so; followed from other sweeps it may be found again
            score = max(region.score, float(np.median(scores)))
            accepted[row].append(replace(region, velocity=velocity, score=score, track=number))
    return accepted


def _smoothed(
    times: Float[ndarray, " E"], velocities: Float[ndarray, "E 2"], scores: Float[ndarray, " E"]
) -> Float[ndarray, "E 2"] | None:
    """Velocities from those around them in time without outliers; None if most do not agree."""
    good = scores > 0
    middle = np.array([_local_median(times, velocities, good, time) for time in times])
    change = np.linalg.norm(velocities - middle, axis=1)
    good &= change <= np.minimum(_SAME_M_S, 0.75 + _JUMP_SHARE * np.linalg.norm(middle, axis=1))
    if good.sum() < 0.5 * len(times):
        return None
    return np.stack([_local_line(times[good], velocities[good], scores[good], time) for time in times])


def _local_median(
    times: Float[ndarray, " E"], velocities: Float[ndarray, "E 2"], good: Bool[ndarray, " E"], time: float
) -> Float[ndarray, "2"]:
    near = good & (np.abs(times - time) <= _LONGEST_GAP_S)
    return np.median(velocities[near], axis=0) if near.any() else np.full(2, np.inf)


def _local_line(
    times: Float[ndarray, " G"], velocities: Float[ndarray, "G 2"], scores: Float[ndarray, " G"], time: float
) -> Float[ndarray, "2"]:
    """A weighted line through velocities around a time, at that time: an acceleration that hardly changes."""
    away = times - time
    weights = scores * np.exp(-0.5 * np.square(away / _LONGEST_GAP_S))
    mean = np.average(away, weights=weights)
    spread = np.average(np.square(away - mean), weights=weights)
    center = np.average(velocities, axis=0, weights=weights)
    slope = np.average((away - mean)[:, None] * (velocities - center), axis=0, weights=weights) / (
        spread + 0.01
    )
    return center - slope * mean


def _prolonged(regions: Sequence[Region], there: Sequence[Region], target: _Target) -> list[Region]:
    """Regions of one sweep carried to the next one where they were lost, if returns lie where they should.

    What drives towards the lidar hides the places that it will free, and has no return that speaks of motion;
    neither has what slows down and rests.
    """
    if abs(target.gap_s) > _LONGEST_GAP_S:
        return []
    known = {region.track for region in there}
    taken = _tree(np.concatenate([region.xyz for region in there]) if there else np.zeros((0, 3)))
    found = []
    for region in regions:
        if region.track in known:
            continue
        velocity = _followed(region, target)
        if velocity is None:
            continue
        carried = _carried(region.xyz.astype(np.float64), velocity, target.gap_s)
        if np.isfinite(taken.query(carried, distance_upper_bound=_CLOSE_M)[0]).mean() > 0.5:
            continue
        xyz = np.concatenate([_met(tree, carried) for tree in (target.suspects, target.solid)])
        found.append(replace(region, xyz=xyz, velocity=velocity, score=0.95 * region.score))
    return found


def _followed(region: Region, target: _Target) -> Float[ndarray, "2"] | None:
    """The velocity that carries a region onto returns of another sweep, of any kind; None if none does.

    It may have slowed down, and even stopped, as far as brakes can do that, and as velocities are inexact.
    """
    points = region.xyz[:: 1 + len(region.xyz) // _MOST_POINTS].astype(np.float64)
    solid = np.asarray(target.solid.data)
    near = solid[(np.abs(solid[:, :2] - points[:, :2].mean(axis=0)) < _AROUND_M).all(axis=1)]
    everything = replace(target, suspects=_tree(np.concatenate([np.asarray(target.suspects.data), near])))
    velocity = _refined(points, [everything], region.velocity)
    change = np.linalg.norm(velocity - region.velocity)
    if (
        change > _SAME_M_S + _BRAKES_M_S2 * abs(target.gap_s)
        or _overlap(points, [everything], velocity) < _LEAST_SEEN
    ):
        return None
    return velocity


def _met(tree: KDTree, xyz: Float[ndarray, "M 3"]) -> Float[ndarray, "K 3"]:
    """Points of a tree that lie near to some of the given ones."""
    rows = tree.query_ball_point(xyz, _CLOSE_M / 2)
    met = np.unique(np.concatenate([np.array(each, np.int64) for each in rows]))
    return np.asarray(tree.data)[met]
