"""How the vehicle moved, told from its voxels alone: generated sequences come without poses.

What stands still in the world moves against the vehicle. Bird's-eye maps of the classes that cannot move are
laid onto one another, neighbouring frames and frames further apart, and the path is the one that agrees with
most of these pairs.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from evaluation.map_registration import Maps, Shifts, register
from scene.occupancy.classes import FREE
from scene.occupancy.driving import Command, Thresholds, command, thresholds
from scene.occupancy.sequence import Occupancy

_MOST_SPEED_M_S = 25.0
_MOST_YAW_RATE_RAD_S = 1.2
_LARGEST_TURN_RAD = 0.8  # between any two frames that are compared
_YAW_NOISE_RAD = 0.01  # pairs that differ by more count less
_SHIFT_NOISE_M = 0.1
_RARE = 5e-4  # a class in a smaller share of the columns is no landmark


@dataclass(frozen=True)
class EgoMotion:
    """The vehicle's path, in the frame of the first moment: x forward, y left.

    Args:
        xy: where it was, metres.
        yaw: its heading, radians; continuous, so that a full turn is 2 pi.
        agreement: mean correlation of neighbouring maps, -1 to 1. Of worlds that stand still it is above 0.9;
            of frames that have nothing to do with one another 0.3 to 0.8, by chance.
    """

    xy: Float64[Tensor, "T 2"]
    yaw: Float64[Tensor, "T"]
    agreement: float

    @property
    def total_yaw(self) -> float:
        """From the first frame to the last, radians; positive to the left."""
        return float(self.yaw[-1])

    @property
    def path_m(self) -> float:
        """The length of the way."""
        return float(self.xy.diff(dim=0).norm(dim=1).sum())

    def command(self, limits: Thresholds) -> Command:
        """The motion's name, as a trajectory of known poses would have it."""
        return command(torch.cat([self.xy, self.yaw[:, None]], dim=1), limits)


def turns(occupancy: Occupancy, limits: Thresholds | None = None) -> Command:
    """What the vehicle did over a sequence, by its voxels alone.

    Args:
        occupancy: the sequence.
        limits: beyond what it turns and moves; by default those of commands for sequences as long as this.
    """
    limits = limits or thresholds(len(occupancy), occupancy.seconds_per_frame)
    return estimate(occupancy).command(limits)


def estimate(occupancy: Occupancy) -> EgoMotion:
    """The vehicle's path over a sequence.

    Needs cells that are nearly square. One frame is a path of one place.
    """
    count = len(occupancy)
    if count == 1:
        origin = torch.zeros(1, 2, dtype=torch.float64, device=occupancy.classes.device)
        return EgoMotion(origin, origin[:, 0], 1.0)
    maps = static_maps(occupancy)
    pairs = _pairs(count)
    gaps = sorted({later - earlier for earlier, later in pairs})
    ordered: list[tuple[int, int]] = []
    found: list[Shifts] = []
    for gap in gaps:
        of_gap = [pair for pair in pairs if pair[1] - pair[0] == gap]
        ordered += of_gap
        found.append(_register(occupancy, maps, of_gap, gap * occupancy.seconds_per_frame))
    weights = torch.cat([each.agreement for each in found]).double().clamp(min=1e-3).square()
    yaw = _path(ordered, torch.cat([each.yaw for each in found]).double()[:, None], weights, _YAW_NOISE_RAD)
    yaw = yaw[:, 0]
    shifts = _shifts_m(occupancy, ordered, found, yaw)
    xy = _path(ordered, shifts, weights, _SHIFT_NOISE_M)
    return EgoMotion(xy, yaw, float(found[0].agreement.mean()))


def static_maps(occupancy: Occupancy) -> Maps:
    """For each frame where each class is that stands still, from above.

    A column in which something movable is, or of which nothing was observed, is not known.
    """
    classes = occupancy.classes
    movable = torch.tensor(occupancy.class_set.movable, device=classes.device)
    known = ~torch.isin(classes, movable.to(classes.dtype)).any(3)
    if occupancy.invalid is not None:
        known &= ~occupancy.invalid.all(3)
        classes = classes.masked_fill(occupancy.invalid, FREE)
    still = [c for c in range(len(occupancy.class_set)) if c not in (FREE, *occupancy.class_set.movable)]
    seen = torch.stack([(classes == c).any(3) for c in still], dim=1) & known[:, None]
    landmark = seen.float().mean((0, 2, 3)) > _RARE
    if not bool(landmark.any()):  # empty voxels: any map will do, and the vehicle seems to stand
        landmark[0] = True
    return Maps(seen[:, landmark].float(), known.float())


def _pairs(count: int) -> list[tuple[int, int]]:
    """Frames to compare: all neighbours, some a few frames apart, and the first with the last."""
    last = count - 1
    pairs = {(i, i + 1) for i in range(last)} | {(i, i + 2) for i in range(0, last - 1, 2)}
    pairs |= {(i, i + 4) for i in range(0, last - 3, 3)} | {(0, min(last, 8)), (max(0, last - 8), last)}
    return sorted(pairs)


def _register(occupancy: Occupancy, maps: Maps, pairs: list[tuple[int, int]], seconds: float) -> Shifts:
    cell = min(occupancy.grid.voxel_m[:2])
    most_shift = min(_MOST_SPEED_M_S * seconds / cell, 0.5 * max(occupancy.grid.size[:2]))
    most_turn = min(_MOST_YAW_RATE_RAD_S * seconds, _LARGEST_TURN_RAD)
    first, second = maps.pick([i for i, _ in pairs]), maps.pick([j for _, j in pairs])
    return register(first, second, most_shift, most_turn)


def _shifts_m(
    occupancy: Occupancy, pairs: list[tuple[int, int]], found: list[Shifts], yaw: Float64[Tensor, "T"]
) -> Float64[Tensor, "P 2"]:
    """What the pairs say about the way, in metres and in the frame of the first moment.

    Maps turn around their centre, which is not where the vehicle is where the grid lies ahead of it.
    """
    grid = occupancy.grid
    voxel = torch.tensor(grid.voxel_m[:2], dtype=torch.float64, device=yaw.device)
    half = torch.tensor(grid.size[:2], dtype=torch.float64, device=yaw.device) / 2
    centre = torch.tensor(grid.origin_m[:2], dtype=torch.float64, device=yaw.device) + voxel * half
    xy = torch.cat([each.xy for each in found]).double() * voxel
    turned = torch.cat([each.yaw for each in found]).double()
    xy = xy + centre - _rotated(centre.expand_as(xy), turned)
    return _rotated(xy, yaw[[i for i, _ in pairs]])


def _rotated(xy: Float64[Tensor, "P 2"], yaw: Float64[Tensor, "P"]) -> Float64[Tensor, "P 2"]:
    cos, sin = yaw.cos(), yaw.sin()
    return torch.stack([cos * xy[:, 0] - sin * xy[:, 1], sin * xy[:, 0] + cos * xy[:, 1]], dim=1)


def _path(
    pairs: list[tuple[int, int]],
    differences: Float64[Tensor, "P D"],
    weights: Float64[Tensor, "P"],
    noise: float,
) -> Float64[Tensor, "T D"]:
    """Values of frames, 0 at the first, whose differences agree best with those of pairs.

    Least squares that are weighted anew by how far each pair is off, so that a pair that was misled is
    outvoted: the sum of absolute values, rounded at `noise`.
    """
    count = 1 + max(later for _, later in pairs)
    design = torch.zeros(len(pairs), count, dtype=torch.float64, device=differences.device)
    for row, (earlier, later) in enumerate(pairs):
        design[row, earlier], design[row, later] = -1, 1
    design = design[:, 1:]
    robust = weights
    values = differences.new_zeros(count - 1, differences.shape[1])
    for _ in range(15):
        scaled = design.T * robust
        values = torch.linalg.solve(scaled @ design, scaled @ differences)
        off = (design @ values - differences).norm(dim=1)
        robust = weights / (off.square() + noise**2).sqrt()
    return torch.cat([torch.zeros_like(values[:1]), values])
