"""Which lidar returns belong to things that move, and how fast those move: found without labels.

A return of one sweep is moving if another sweep's rays went through its place. Such returns are gathered to
regions, and a region counts as moving if one velocity explains it in the sweeps before and after.
Whatever is merely seen for the first time has no ray through it and stays static.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray
from scipy.ndimage import label
from scipy.spatial import KDTree
from torch import Tensor

from scene.drive import Drive
from scene.lidar_space import Ground, RangeImage, range_images, seen_through
from scene.lidar_tracks import Region, Tracking, track_regions


@dataclass(frozen=True)
class LidarMotionConfig:
    """How returns that move are told from the rest."""

    lidar_motion_gaps_s: tuple[float, ...] = (0.2, 0.4, 0.7, 1.0, 1.5, 2.0)
    """Sweeps so long before and after are asked whether they saw through a return's place, seconds."""
    lidar_motion_range_m: float = 80.0
    """Returns farther from the vehicle count as static, metres."""
    lidar_motion_nearest_m: float = 2.5
    """Returns nearer to where their ray began come from the vehicle itself and count as static, metres."""
    lidar_motion_margin_m: float = 0.3
    """A ray must end so far behind a place to have gone through it, metres."""
    lidar_motion_margin_share: float = 0.01
    """What is added to the margin, as a share of the range."""
    lidar_motion_ground_m: float = 0.2
    """Returns lower than this over the ground belong to it, metres."""
    lidar_motion_height_m: float = 4.5
    """Nothing that moves reaches higher over the ground than this, metres."""
    lidar_motion_link_m: float = 0.4
    """Returns of one thing are at most about twice so far apart, seen from above, metres."""
    lidar_motion_returns: int = 5
    """Fewer returns make no region."""
    lidar_motion_speed_m_s: float = 0.5
    """Regions slower than this are static, metres per second."""
    lidar_motion_top_speed_m_s: float = 30.0
    """Faster motion is not searched for, metres per second."""
    lidar_motion_frames: int = 3
    """A region must be followed over at least so many sweeps, or over all of them if they are fewer."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            low = min(value, default=0.0) if isinstance(value, tuple) else value
            if not low > 0:
                raise ValueError(f"{name}: positive numbers were expected, got {value}")


@dataclass(frozen=True)
class LidarMotion:
    """What is known of the returns of one sweep.

    Args:
        moving_probability: in [0, 1]; above 0.5 for returns of regions that move.
        velocities: over ground in the world, metres per second; zero where static.
        regions: which region a return belongs to: the same number in every sweep; -1 where static.
    """

    moving_probability: Float[Tensor, " P"]
    velocities: Float[Tensor, "P 3"]
    regions: Int[Tensor, " P"]


def moving_returns(drive: Drive, config: LidarMotionConfig | None = None) -> list[LidarMotion | None]:
    """Motion of the returns of every frame; None for frames without lidar.

    The time of a sweep stands for that of all its returns.

    Args:
        drive: a log with lidar.
        config: settings.

    Source: the idea of free space that later becomes occupied is that of P. Lindstrom and J.-O. Eklundh,
    "Detecting and tracking moving objects from a mobile platform using a laser range scanner", IROS 2001.
    """
    config = config or LidarMotionConfig()
    frames = [frame for frame, sweep in enumerate(drive.sweeps) if sweep is not None and len(sweep)]
    ground = Ground.of([_positions(drive, frame) for frame in frames])
    sweeps = [_Returns.of(drive, frame, ground, config) for frame in frames]
    times = drive.frame_times_s.numpy()[frames]
    evidence = _gather_evidence(sweeps, times, config)
    regions = [_regions(each, config) for each in evidence]
    tracking = Tracking(
        top_speed_m_s=config.lidar_motion_top_speed_m_s,
        least_speed_m_s=config.lidar_motion_speed_m_s,
        least_frames=min(config.lidar_motion_frames, len(frames)),
    )
    suspects = [each.xyz[~each.static] for each in evidence]
    solid = [each.xyz[each.static] for each in evidence]
    followed = track_regions(regions, suspects, solid, times, tracking)
    motions: list[LidarMotion | None] = [
        None if sweep is None else _still(len(sweep)) for sweep in drive.sweeps
    ]
    for row, frame in enumerate(frames):
        motions[frame] = _spread(len(sweeps[row].xyz), evidence[row], followed[row], config)
    return motions


@dataclass(frozen=True)
class CarriedReturns:
    """Returns that move, where they are at a time that need not be that of a sweep.

    Args:
        xyz: metres.
        moving_probability: above 0.5.
        regions: the things that they belong to.
        sweep_gaps_s: how long before the wanted time each was measured, seconds; negative for later ones.
    """

    xyz: Float[Tensor, "M 3"]
    moving_probability: Float[Tensor, " M"]
    regions: Int[Tensor, " M"]
    sweep_gaps_s: Float[Tensor, " M"]


def carried_returns(
    drive: Drive,
    motions: Sequence[LidarMotion | None],
    time_s: float,
    sweeps: int = 3,
    longest_gap_s: float = 0.5,
) -> CarriedReturns:
    """The moving returns of the sweeps nearest in time, carried along by their velocities.

    Args:
        drive: the log.
        motions: of its frames.
        time_s: when, seconds since the first frame.
        sweeps: how many sweeps are used at most.
        longest_gap_s: those farther away in time are not, seconds.
    """
    gaps = {
        frame: time_s - float(drive.frame_times_s[frame])
        for frame, motion in enumerate(motions)
        if motion is not None
    }
    nearest = sorted(gaps, key=lambda frame: (abs(gaps[frame]), frame))[:sweeps]
    parts = [
        _carried_from(drive, motions, frame, gaps[frame])
        for frame in nearest
        if abs(gaps[frame]) <= longest_gap_s
    ]
    if not parts:
        nothing = torch.zeros(0)
        return CarriedReturns(torch.zeros(0, 3), nothing, nothing.long(), nothing)
    return CarriedReturns(*(torch.cat(each) for each in zip(*parts, strict=True)))


def _carried_from(
    drive: Drive, motions: Sequence[LidarMotion | None], frame: int, gap_s: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    sweep, motion = drive.sweeps[frame], motions[frame]
    assert sweep is not None
    assert motion is not None
    rows = motion.moving_probability > 0.5
    xyz = sweep.xyz[rows].float() + gap_s * motion.velocities[rows]
    return xyz, motion.moving_probability[rows], motion.regions[rows], torch.full((len(xyz),), gap_s)


def _positions(drive: Drive, frame: int) -> Float32[ndarray, "P 3"]:
    sweep = drive.sweeps[frame]
    assert sweep is not None
    return sweep.xyz.float().numpy()


@dataclass(frozen=True)
class _Returns:
    """A sweep: which of its returns may belong to things that move, and what its rays went through."""

    xyz: Float32[ndarray, "P 3"]
    candidates: Int[ndarray, " Q"]
    images: list[RangeImage]

    @staticmethod
    def of(drive: Drive, frame: int, ground: Ground, config: LidarMotionConfig) -> "_Returns":
        sweep = drive.sweeps[frame]
        assert sweep is not None
        xyz, origins = sweep.xyz.float().numpy(), sweep.origins.float().numpy()
        ranges = np.linalg.norm(xyz - origins, axis=1)
        foreign = ranges >= config.lidar_motion_nearest_m
        heights = ground.above(xyz)
        standing = heights > config.lidar_motion_ground_m
        images = range_images(xyz[foreign], origins[foreign], standing[foreign])
        near = (ranges < config.lidar_motion_range_m) & (heights < config.lidar_motion_height_m)
        return _Returns(xyz, np.flatnonzero(standing & foreign & near), images)


@dataclass(frozen=True)
class _Evidence:
    """What other sweeps say of the returns of one sweep that stand on the ground.

    Args:
        rows: of these returns in the sweep.
        xyz: their places.
        free: share of the sweeps that saw through the place among those that saw it; 0 where none did.
        static: something stood there before or after, and hardly any ray went through.
    """

    rows: Int[ndarray, " Q"]
    xyz: Float32[ndarray, "Q 3"]
    free: Float[ndarray, " Q"]
    static: Bool[ndarray, " Q"]


_MOSTLY_FREE = 0.5
_HARDLY_FREE = 0.25


def _gather_evidence(
    sweeps: Sequence[_Returns], times: Float[ndarray, " F"], config: LidarMotionConfig
) -> list[_Evidence]:
    evidence = []
    for row, sweep in enumerate(sweeps):
        rows = sweep.candidates
        xyz = sweep.xyz[rows]
        through, taken = np.zeros(len(rows)), np.zeros(len(rows))
        for other in _others(times, row, config.lidar_motion_gaps_s):
            is_free, is_taken = seen_through(
                sweeps[other].images, xyz, config.lidar_motion_margin_m, config.lidar_motion_margin_share
            )
            through, taken = through + is_free, taken + is_taken
        free = through / np.maximum(through + taken, 1)
        evidence.append(_Evidence(rows, xyz, free, (taken > 0) & (free <= _HARDLY_FREE)))
    return evidence


def _others(times: Float[ndarray, " F"], row: int, gaps_s: Sequence[float]) -> list[int]:
    """The sweeps nearest to the wanted gaps, before and after, each once."""
    wanted = times[row] + np.concatenate([-np.array(gaps_s), np.array(gaps_s)])
    inside = (wanted > times[0] - 0.5 * min(gaps_s)) & (wanted < times[-1] + 0.5 * min(gaps_s))
    nearest = {int(np.abs(times - time).argmin()) for time in wanted[inside]}
    return sorted(nearest - {row})


def _regions(evidence: _Evidence, config: LidarMotionConfig) -> list[Region]:
    """Groups of returns whose places were mostly free, with those around them of which nothing is known."""
    seeds = evidence.free >= _MOSTLY_FREE
    if not seeds.any():
        return []
    suspects = np.flatnonzero(~evidence.static)
    labels = _connected(evidence.xyz[suspects], seeds[suspects], config.lidar_motion_link_m)
    regions = []
    for number in range(1, labels.max(initial=0) + 1):
        members = suspects[labels == number]
        if seeds[members].sum() >= config.lidar_motion_returns:
            regions.append(Region(evidence.xyz[members]))
    return regions


def _connected(xyz: Float32[ndarray, "Q 3"], seeds: Bool[ndarray, " Q"], cell_m: float) -> Int[ndarray, " Q"]:
    """Numbers from 1 of the patches of a grid seen from above that seeds connect; 0 where no seed is near."""
    cells = np.floor((xyz[:, :2] - xyz[:, :2].min(axis=0)) / cell_m).astype(np.int64)
    grid = np.zeros(cells.max(axis=0) + 1, bool)
    grid[tuple(cells[seeds].T)] = True
    patches = np.zeros(grid.shape, np.int32)
    label(grid, np.ones((3, 3)), output=patches)
    found = patches[tuple(cells.T)]
    near, rows = KDTree(xyz[seeds]).query(xyz, distance_upper_bound=cell_m)
    rest = (found == 0) & np.isfinite(near)
    found[rest] = found[seeds][np.asarray(rows)[rest]]
    return found


def _spread(
    count: int, evidence: _Evidence, regions: Sequence[Region], config: LidarMotionConfig
) -> LidarMotion:
    """The motion of regions carried over to the returns of a sweep."""
    motion = _still(count)
    # Even the strongest sign that no region confirms stays below one half.
    motion.moving_probability[evidence.rows] = torch.from_numpy(0.4 * evidence.free).float()
    if not regions:
        return motion
    owner = np.concatenate([np.full(len(each.xyz), number) for number, each in enumerate(regions)])
    tree = KDTree(np.concatenate([each.xyz for each in regions]))
    near, rows = tree.query(evidence.xyz, distance_upper_bound=2 * config.lidar_motion_link_m)
    taken = np.flatnonzero(np.isfinite(near))
    mine = owner[np.asarray(rows)[taken]]
    places = torch.from_numpy(evidence.rows[taken])
    motion.velocities[places, :2] = torch.from_numpy(
        np.stack([each.velocity for each in regions])[mine]
    ).float()
    motion.regions[places] = torch.from_numpy(np.array([each.track for each in regions])[mine])
    scores = np.array([each.score for each in regions])[mine]
    motion.moving_probability[places] = torch.from_numpy(0.5 + 0.5 * scores).float()
    return motion


def _still(count: int) -> LidarMotion:
    return LidarMotion(torch.zeros(count), torch.zeros(count, 3), torch.full((count,), -1))
