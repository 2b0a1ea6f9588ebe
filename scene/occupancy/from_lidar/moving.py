"""What stands still, what moves in a box, and what moves without one, told apart in a log's returns."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from core.geometry import transform_points
from scene.drive import Box
from scene.occupancy.classes import ClassSet
from scene.occupancy.from_lidar.frames import LidarFrame

_MARGIN_M = 0.1  # around boxes: their makers cut corners, and a lidar turns while cars drive


@dataclass(frozen=True)
class Returns:
    """Points with classes.

    Args:
        xyz: metres.
        classes: of each point.
    """

    xyz: Float[Tensor, "P 3"]
    classes: UInt8[Tensor, " P"]

    @classmethod
    def together(cls, parts: Sequence["Returns"]) -> "Returns":
        """All points of the parts; at least one part is given."""
        return cls(torch.cat([part.xyz for part in parts]), torch.cat([part.classes for part in parts]))

    def where(self, chosen: Bool[Tensor, " P"] | Int64[Tensor, " Q"]) -> "Returns":
        """Some of the points."""
        return Returns(self.xyz[chosen], self.classes[chosen])


@dataclass(frozen=True)
class Parted:
    """The returns of a log.

    Args:
        still: of all frames, in the world.
        things: of each moving object in all frames, in its box's own frame.
        passing: of each frame, in the world, what may move and is in no box: nobody knows where it is in
            another frame.
        moving: the moving boxes of each frame.
    """

    still: Returns
    things: dict[str, Returns]
    passing: tuple[Returns, ...]
    moving: tuple[tuple[Box, ...], ...]


def moving_tracks(frames: Sequence[LidarFrame], moved_m: float) -> set[str]:
    """Names of the objects whose boxes lie farther apart than `moved_m` metres in two frames, from above."""
    places: dict[str, list[Tensor]] = {}
    for frame in frames:
        for box in frame.boxes:
            places.setdefault(box.track, []).append(box.world_from_box[:2, 3])
    moving = set()
    for track, path in places.items():
        spots = torch.stack(path)
        if float(torch.cdist(spots, spots).max()) > moved_m:
            moving.add(track)
    return moving


def part(frames: Sequence[LidarFrame], class_set: ClassSet, moved_m: float) -> Parted:
    """Tell the returns of a log apart.

    Ground in a moving box is still: a box reaches down to the road that its car drives on.

    Args:
        frames: of the log, at least one.
        class_set: of their classes.
        moved_m: an object moves if its boxes lie farther apart than this.
    """
    names = moving_tracks(frames, moved_m)
    still, passing, boxes = [], [], []
    things: dict[str, list[Returns]] = {}
    for frame in frames:
        returns = Returns(frame.xyz, frame.classes)
        moving = tuple(box for box in frame.boxes if box.track in names)
        resting = tuple(box for box in frame.boxes if box.track not in names)
        taken = torch.isin(frame.classes, torch.tensor(class_set.ground, dtype=torch.uint8))
        for box in moving:
            rows = rows_inside(box, frame.xyz, _MARGIN_M)
            rows = rows[~taken[rows]]
            taken[rows] = True
            own = transform_points(box.world_from_box.inverse(), frame.xyz[rows].double()).float()
            things.setdefault(box.track, []).append(Returns(own, frame.classes[rows]))
        ground = torch.isin(frame.classes, torch.tensor(class_set.ground, dtype=torch.uint8))
        rests = torch.zeros_like(taken)
        for box in resting:
            rests[rows_inside(box, frame.xyz, _MARGIN_M)] = True
        movable = torch.isin(frame.classes, torch.tensor(class_set.movable, dtype=torch.uint8))
        alone = movable & ~rests & ~taken
        passing.append(returns.where(alone))
        still.append(returns.where(ground | (~taken & ~alone)))
        boxes.append(moving)
    return Parted(
        still=Returns.together(still),
        things={name: Returns.together(parts) for name, parts in things.items()},
        passing=tuple(passing),
        moving=tuple(boxes),
    )


def put_back(parted: Parted, row: int) -> list[Returns]:
    """The moving things of a frame, in the world, each with all returns that it ever had.

    Args:
        parted: a log's returns.
        row: the frame's place in the log.
    """
    return [
        Returns(transform_points(box.world_from_box, things.xyz.double()).float(), things.classes)
        for box in parted.moving[row]
        if (things := parted.things.get(box.track)) is not None
    ]


def rows_inside(box: Box, xyz: Float[Tensor, "P 3"], margin_m: float) -> Int64[Tensor, " Q"]:
    """Which points of the world lie in a box that is so much larger on all sides."""
    half = 0.5 * torch.tensor(box.size_m, dtype=torch.float64) + margin_m
    reach = float(half.norm())
    near = torch.nonzero(((xyz[:, :2] - box.world_from_box[:2, 3].to(xyz)).abs() < reach).all(dim=1))[
        :, 0
    ]  # most of a sweep is far from a box
    own = transform_points(box.world_from_box.inverse(), xyz[near].double())
    return near[(own.abs() <= half).all(dim=1)]
