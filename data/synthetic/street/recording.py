"""What a worker does for one frame of a drive: pictures, a turn of the lidar, boxes, the exact truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8
from numpy import ndarray

from data.synthetic.files import encoded_image, write_depth, write_flow, write_image
from data.synthetic.flow import Seen, flow_to
from data.synthetic.poses import inverse, pose
from data.synthetic.stage import Quality, Stage
from data.synthetic.street.lidar import Turn, scan
from data.synthetic.street.place import Street, StreetPlan, staged
from data.synthetic.street.rig import RigCamera, RigLidar

MOVING_M_S = 1.0
"""A thing that is faster counts as moving at that moment."""

_LABELLED_M = 90.0  # boxes farther from the vehicle are left out


@dataclass(frozen=True, eq=False)
class Shot:
    """What one camera has of a frame.

    Args:
        jpeg: the picture.
        sky: True where a pixel's centre sees the sky.
    """

    jpeg: bytes
    sky: Bool[ndarray, "H W"]


@dataclass(frozen=True, eq=False)
class LabelledBox:
    """A box in the vehicle's frame.

    Args:
        row: of the actor, in `Street.actors`.
        track: its name.
        label: "vehicle" or "person".
        vehicle_from_box: its pose.
        size_m: length, width, height.
        velocity: over ground, in the vehicle's axes, m/s.
        lidar_points: how many of the turn's returns lie inside.
    """

    row: int
    track: str
    label: str
    vehicle_from_box: Float64[ndarray, "4 4"]
    size_m: tuple[float, float, float]
    velocity: Float64[ndarray, "3"]
    lidar_points: int


@dataclass(frozen=True, eq=False)
class Moment:
    """All that a frame of the log holds.

    Args:
        time_s: since the first frame.
        world_from_vehicle: where the vehicle is, in the world of the street.
        shots: by the cameras' names.
        turn: of the lidar.
        boxes: the labelled things about the vehicle.
    """

    time_s: float
    world_from_vehicle: Float64[ndarray, "4 4"]
    shots: dict[str, Shot]
    turn: Turn
    boxes: tuple[LabelledBox, ...]


@dataclass(frozen=True)
class ExactFolders:
    """Where the exact truth goes; all exist."""

    depth: Path
    flow: Path
    objects: Path
    moving: Path
    movers: Path


@dataclass(frozen=True, eq=False)
class StreetRecorder:
    """Drives through a street and records it.

    Args:
        exact: gets depth, flow and masks.
        plan: of the street.
        quality: of the pictures.
        cameras: of the rig.
        lidar: of the rig.
        noise_m: standard deviation of the lidar's ranges.
        times_s: of the frames.
    """

    exact: ExactFolders
    plan: StreetPlan
    quality: Quality
    cameras: tuple[RigCamera, ...]
    lidar: RigLidar
    noise_m: float
    times_s: Float64[ndarray, " N"]

    def record(self, index: int) -> Moment:
        """Write the exact truth of a frame; return the rest."""
        street, stage = staged(self.plan, self.quality)
        time = float(self.times_s[index])
        world_from_vehicle = street.layout.ego(time)
        rng = np.random.default_rng((self.plan.seed, 23, index))
        turn = scan(stage, self.lidar, world_from_vehicle, time, self.noise_m, rng)
        boxes = tuple(_boxes(street, world_from_vehicle, time, turn))
        moving = [box.row for box in boxes if np.linalg.norm(box.velocity) > MOVING_M_S]
        shots = {camera.name: self._shoot(street, stage, camera, index, moving) for camera in self.cameras}
        return Moment(time, world_from_vehicle, shots, turn, boxes)

    def _shoot(
        self, street: Street, stage: Stage, camera: RigCamera, index: int, moving: Sequence[int]
    ) -> Shot:
        """Take a picture and write what is exactly known of it."""
        time, name = float(self.times_s[index]), f"{index:03d}_{camera.number}"
        view = camera.view(street.layout.ego(time))
        seen = Seen(view, *stage.geometry(view, time))
        things = actors_at(street, seen)
        write_depth(self.exact.depth / f"{name}.dpt", seen.depths)
        write_image(self.exact.objects / f"{name}.png", (things + 1).astype(np.uint16))
        write_image(self.exact.moving / f"{name}.png", mask_image(np.isin(things, list(moving))))
        write_image(self.exact.movers / f"{name}.png", mask_image(seen.moving))
        if index + 1 < len(self.times_s):
            following = float(self.times_s[index + 1])
            later = camera.view(street.layout.ego(following))
            flow, _ = flow_to(seen, later, stage.world.at(following))
            write_flow(self.exact.flow / f"{name}.flo", flow)
        picture = encoded_image(stage.photograph(view, time), ".jpg")
        return Shot(picture, seen.parts < 0)


def actors_at(street: Street, seen: Seen) -> Int32[ndarray, "H W"]:
    """The row in `Street.actors` of what each pixel sees, -1 for all that is not labelled."""
    rows = np.full(len(street.place.world.bodies) + 1, -1, np.int32)  # the last entry is the sky's
    for row, actor in enumerate(street.actors):
        rows[actor.body] = row
    return rows[seen.things(street.place.world.roots())]


def mask_image(mask: Bool[ndarray, "H W"]) -> UInt8[ndarray, "H W"]:
    """255 where a mask is True."""
    return mask.astype(np.uint8) * np.uint8(255)


def _boxes(
    street: Street, world_from_vehicle: Float64[ndarray, "4 4"], time_s: float, turn: Turn
) -> Iterator[LabelledBox]:
    """The boxes about the vehicle."""
    world, points = street.place.world, turn.points()
    vehicle_from_world = inverse(world_from_vehicle)
    for row, actor in enumerate(street.actors):
        vehicle_from_box = upright(vehicle_from_world @ actor.boxes(world, (time_s,))[0])
        if np.linalg.norm(vehicle_from_box[:3, 3]) < _LABELLED_M:
            inside = np.abs(_in_box(vehicle_from_box, points)) <= np.array(actor.size_m) / 2
            velocity = vehicle_from_world[:3, :3] @ actor.velocity(world, time_s)
            count = int(inside.all(1).sum())
            yield LabelledBox(row, actor.name, actor.label, vehicle_from_box, actor.size_m, velocity, count)


def upright(transform: Float64[ndarray, "4 4"]) -> Float64[ndarray, "4 4"]:
    """The same place and heading without the tilt: labels have none."""
    x, y, z = transform[:3, 3].tolist()
    return pose((x, y, z), yaw=float(np.degrees(np.arctan2(transform[1, 0], transform[0, 0]))))


def _in_box(
    vehicle_from_box: Float64[ndarray, "4 4"], points: Float64[ndarray, "P 3"]
) -> Float64[ndarray, "P 3"]:
    return (points - vehicle_from_box[:3, 3]) @ vehicle_from_box[:3, :3]
