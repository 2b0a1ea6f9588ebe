"""A turn of the lidar: what its rays meet, what comes back, and whose points they are."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32
from numpy import ndarray

from data.synthetic.casting import cast
from data.synthetic.poses import inverse
from data.synthetic.shading import cutout, reflectances
from data.synthetic.stage import Stage
from data.synthetic.street.rig import RigLidar
from data.synthetic.views import Scanner
from data.synthetic.world import Snapshot

_FLOW_STEP_S = 1e-3


@dataclass(frozen=True, eq=False)
class Turn:
    """First returns; a row a beam from the highest down, columns clockwise from straight behind.

    Args:
        ranges: metres; 0 where nothing came back.
        intensity: what part of the light came back, about 0 to 1.
        elongation: how much longer the pulse became.
        velocities: of what was hit, over ground, metres per second in the vehicle's axes.
        bodies: index of the body that was hit, -1 where nothing came back.
        directions: of the rays in the vehicle's axes, of unit length.
        origin: of the rays in the vehicle's frame, metres.
    """

    ranges: Float64[ndarray, "H W"]
    intensity: Float32[ndarray, "H W"]
    elongation: Float32[ndarray, "H W"]
    velocities: Float32[ndarray, "H W 3"]
    bodies: Int32[ndarray, "H W"]
    directions: Float64[ndarray, "H W 3"]
    origin: Float64[ndarray, "3"]

    @property
    def returned(self) -> Bool[ndarray, "H W"]:
        """True where something came back."""
        return self.ranges > 0

    def points(self) -> Float64[ndarray, "P 3"]:
        """The returns in the vehicle's frame, row by row."""
        hit = self.returned
        return self.origin + self.ranges[hit][:, None] * self.directions[hit]


def scan(
    stage: Stage,
    lidar: RigLidar,
    world_from_vehicle: Float64[ndarray, "4 4"],
    time_s: float,
    noise_m: float,
    rng: np.random.Generator,
) -> Turn:
    """Send out the rays of a turn, all at the same moment.

    Args:
        stage: what they may meet.
        lidar: that sends them.
        world_from_vehicle: where the vehicle is.
        time_s: when.
        noise_m: standard deviation of the ranges.
        rng: of the noise.
    """
    scanner, snapshot = (
        lidar.view(world_from_vehicle),
        _near(stage.world.at(time_s), lidar, world_from_vehicle),
    )
    parts, ranges = cast(snapshot, scanner, partial(cutout, stage.library))
    hit = (parts >= 0) & (ranges < lidar.reach_m)
    owners, distances = parts[hit], ranges[hit].astype(np.float64)
    eye, directions = scanner.world_from_scanner[:3, 3], scanner.directions()
    points = eye + distances[:, None] * directions[hit]
    colors, cosines = reflectances(snapshot, stage.library, stage.light(time_s), eye, owners, points)
    tilt = 1 - np.clip(cosines, 0, 1)
    bodies = snapshot.bodies[owners]
    vehicle_from_world = inverse(world_from_vehicle)
    velocities = _velocities(stage, snapshot, owners, points, time_s) @ vehicle_from_world[:3, :3].T
    noisy = distances + noise_m * rng.standard_normal(len(distances))
    soft = 0.25 * snapshot.pierced[owners]  # between leaves a pulse comes back in pieces
    return Turn(
        ranges=_spread(hit, np.maximum(noisy, 0.1)),
        intensity=_spread(hit, (colors.mean(1) * (1 - 0.7 * tilt)).astype(np.float32)),
        elongation=_spread(hit, (0.02 + 0.3 * tilt**3 + soft).astype(np.float32)),
        velocities=_spread(hit, velocities.astype(np.float32)),
        bodies=_spread(hit, bodies.astype(np.int32) + np.int32(1)) - np.int32(1),
        directions=directions @ vehicle_from_world[:3, :3].T,
        origin=_origin(scanner, vehicle_from_world),
    )


def _origin(scanner: Scanner, vehicle_from_world: Float64[ndarray, "4 4"]) -> Float64[ndarray, "3"]:
    return (vehicle_from_world @ scanner.world_from_scanner)[:3, 3]


def _near(snapshot: Snapshot, lidar: RigLidar, world_from_vehicle: Float64[ndarray, "4 4"]) -> Snapshot:
    """The parts that the lidar can reach."""
    away = snapshot.world_from_part[:, :3, 3] - world_from_vehicle[:3, 3]
    radii = np.linalg.norm(snapshot.half_extents, axis=1)
    return snapshot.only(np.linalg.norm(away, axis=1) - radii < lidar.reach_m + 5.0)


def _velocities(
    stage: Stage,
    snapshot: Snapshot,
    parts: Int32[ndarray, " N"],
    points: Float64[ndarray, "N 3"],
    time_s: float,
) -> Float64[ndarray, "N 3"]:
    """Of points that their bodies carry along, in world axes."""
    velocities = np.zeros(points.shape)
    moving = snapshot.moving[parts]
    before, after = (stage.world.poses(time_s + step) for step in (-_FLOW_STEP_S, _FLOW_STEP_S))
    bodies = snapshot.bodies[parts[moving]]
    rates = (after - before) @ inverse(stage.world.poses(time_s)) / (2 * _FLOW_STEP_S)
    velocities[moving] = np.einsum("nij,nj->ni", rates[bodies, :3, :3], points[moving]) + rates[bodies, :3, 3]
    return velocities


def _spread(hit: Bool[ndarray, "H W"], values: ndarray) -> ndarray:
    """Values of the returns in the range image, 0 elsewhere."""
    image = np.zeros((*hit.shape, *values.shape[1:]), values.dtype)
    image[hit] = values
    return image
