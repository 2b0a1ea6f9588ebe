"""The scene graph: bodies that move rigidly in time, and the parts that hang on them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8
from numpy import ndarray

from data.synthetic.parts import Part
from data.synthetic.poses import inverse

Motion = Callable[[float], Float64[ndarray, "4 4"]]
"""Seconds to parent-from-body."""


@dataclass(frozen=True)
class Body:
    """A frame that parts hang on.

    Args:
        name: unique among the movers that a reader may want to tell apart.
        label: what kind of thing it is: "building", "ground", "furniture", "plant", "vehicle", "person", ...
        parent: index of the body whose frame this one's motion is given in; None for the world.
        motion: None for a body that rests in its parent.
    """

    name: str
    label: str
    parent: int | None = None
    motion: Motion | None = None


@dataclass(frozen=True)
class Snapshot:
    """All parts where they are at one moment, as columns of P rows.

    Args:
        shapes: values of `Shape`.
        sizes: see `Part.size`, and the two numbers of `Part.top` behind it.
        half_extents: of the smallest box about each part in its own axes, metres.
        world_from_part: rigid transforms.
        part_from_world: their inverses.
        materials: indices into `World.materials`.
        tints: linear RGB factors.
        bodies: index of the body each part hangs on.
        moving: True for parts of bodies that move at any time.
        pierced: see `Part.pierced`.
    """

    shapes: UInt8[ndarray, " P"]
    sizes: Float32[ndarray, "P 5"]
    half_extents: Float64[ndarray, "P 3"]
    world_from_part: Float64[ndarray, "P 4 4"]
    part_from_world: Float64[ndarray, "P 4 4"]
    materials: Int32[ndarray, " P"]
    tints: Float32[ndarray, "P 3"]
    bodies: Int32[ndarray, " P"]
    moving: Bool[ndarray, " P"]
    pierced: Bool[ndarray, " P"]

    def __len__(self) -> int:
        return len(self.shapes)

    def only(self, rows: Bool[ndarray, " P"]) -> "Snapshot":
        """The chosen parts."""
        return Snapshot(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def corners(self) -> Float64[ndarray, "P 8 3"]:
        """Corners in the world of each part's own bounding box; bit k of the index is axis k's sign."""
        signs = np.array(
            [[1 if corner >> axis & 1 else -1 for axis in range(3)] for corner in range(8)], np.float64
        )
        local = signs * self.half_extents[:, None]
        rotations, centers = self.world_from_part[:, :3, :3], self.world_from_part[:, :3, 3]
        return local @ rotations.swapaxes(1, 2) + centers[:, None]


class World:
    """Bodies and parts, put together once and then asked where everything is at a given time."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.materials: list[str] = []
        self._parts: list[Part] = []
        self._owners: list[int] = []
        self._resting: Snapshot | None = None

    def body(self, name: str, label: str, *, parent: int | None = None, motion: Motion | None = None) -> int:
        """Add a body; its index is what `add` and further bodies take."""
        self.bodies.append(Body(name, label, parent, motion))
        return len(self.bodies) - 1

    def add(self, body: int, parts: Iterable[Part]) -> None:
        """Hang parts on a body."""
        self._resting = None
        for part in parts:
            if part.material not in self.materials:
                self.materials.append(part.material)
            self._parts.append(part)
            self._owners.append(body)

    def add_static(self, name: str, label: str, parts: Iterable[Part]) -> int:
        """Add a body that rests in the world, with its parts."""
        body = self.body(name, label)
        self.add(body, parts)
        return body

    def poses(self, time_s: float) -> Float64[ndarray, "B 4 4"]:
        """World-from-body transforms at a time."""
        world_from_body = np.tile(np.eye(4), (len(self.bodies), 1, 1))
        for index, body in enumerate(self.bodies):
            if body.parent is not None:
                world_from_body[index] = world_from_body[body.parent]
            if body.motion is not None:
                world_from_body[index] = world_from_body[index] @ body.motion(time_s)
        return world_from_body

    def pose_of(self, body: int, time_s: float) -> Float64[ndarray, "4 4"]:
        """World-from-body of one body at a time."""
        motion, parent = self.bodies[body].motion, self.bodies[body].parent
        parent_from_body = np.eye(4) if motion is None else motion(time_s)
        return parent_from_body if parent is None else self.pose_of(parent, time_s) @ parent_from_body

    def moving_bodies(self) -> Bool[ndarray, " B"]:
        """True for bodies that have a motion or hang on one that has."""
        moving = np.zeros(len(self.bodies), bool)
        for index, body in enumerate(self.bodies):
            moving[index] = body.motion is not None or (body.parent is not None and moving[body.parent])
        return moving

    def roots(self) -> Int32[ndarray, " B"]:
        """For each body the one it hangs on in the end: the wheels of a car and its shell share one."""
        roots = np.arange(len(self.bodies), dtype=np.int32)
        for index, body in enumerate(self.bodies):
            if body.parent is not None:
                roots[index] = roots[body.parent]
        return roots

    def at(self, time_s: float) -> Snapshot:
        """Where all parts are at a time."""
        if self._resting is None:
            self._resting = self._gathered()
        resting = self._resting
        world_from_part = self.poses(time_s)[resting.bodies] @ resting.world_from_part
        return replace(resting, world_from_part=world_from_part, part_from_world=inverse(world_from_part))

    def _gathered(self) -> Snapshot:
        """The parts as columns, where they are in the bodies they hang on."""
        owners = np.array(self._owners, np.int32)
        local = np.stack([part.pose for part in self._parts])
        rows = {name: row for row, name in enumerate(self.materials)}
        return Snapshot(
            shapes=np.array([part.shape for part in self._parts], np.uint8),
            sizes=np.array([part.size + part.top for part in self._parts], np.float32),
            half_extents=np.array([part.half_extents for part in self._parts], np.float64),
            world_from_part=local,
            part_from_world=inverse(local),
            materials=np.array([rows[part.material] for part in self._parts], np.int32),
            tints=np.array([part.tint for part in self._parts], np.float32),
            bodies=owners,
            moving=self.moving_bodies()[owners],
            pierced=np.array([part.pierced for part in self._parts], bool),
        )
