"""Light on voxels: a sun with shadows, corners that are darker, haze in the distance, a sky."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from scene.occupancy.casting import Hits, Rays, Space
from scene.occupancy.classes import FREE
from scene.occupancy.sequence import Grid


@dataclass(frozen=True)
class Light:
    """How a scene is lit. Colours are sRGB in [0, 1], and are mixed as such: it is a drawing, not a photograph."""

    sun: tuple[float, float, float] = (-0.35, 0.48, 0.80)
    """Where the sun is, in the vehicle's frame; of length 1."""
    sun_colour: tuple[float, float, float] = (0.56, 0.52, 0.45)
    """Light on a face that is turned to the sun."""
    sky_colour: tuple[float, float, float] = (0.54, 0.58, 0.66)
    """Light of the sky on a face that looks up."""
    sky_shares: tuple[float, float, float] = (0.84, 0.93, 1.0)
    """How much of that comes to faces across x, y and z; they differ, so that edges are seen in the shade."""
    corners: float = 0.42
    """How much darker the inside of a corner is; 0 = not at all."""
    joints: float = 0.10
    """How much darker the joints between voxels are; 0 = not at all."""
    haze_m: float | None = None
    """Distance at which two thirds of the colour are haze; None = no haze."""
    horizon: tuple[float, float, float] = (0.90, 0.93, 0.96)
    """The sky at the horizon, also the colour of haze."""
    zenith: tuple[float, float, float] = (0.44, 0.65, 0.90)
    """The sky straight above."""


_JOINT_WIDTH = 0.05  # of a voxel
_JOINTS_UNTIL_M = 22.0  # farther away they would be thinner than pixels
_OFF_THE_FACE = 1e-3  # voxels; a ray to the sun begins in front of the face that it asks for


def shade(
    voxels: UInt8[Tensor, "X Y Z"], grid: Grid, colours: Float[Tensor, "K 3"], rays: Rays, light: Light
) -> tuple[Float[Tensor, "R 3"], Hits]:
    """The colour at the end of each ray.

    Args:
        voxels: classes.
        grid: where they lie.
        colours: of the classes, in [0, 1].
        rays: whose distances are metres.
        light: on them.

    Returns:
        Colours in [0, 1], and what the rays met.
    """
    space = Space(voxels != FREE)
    hits = space.cast(rays)
    rows = torch.nonzero(hits.found)[:, 0]
    seen = Hits(hits.distances[rows], hits.voxels[rows], hits.axes[rows])
    lit = _lit(voxels, space, grid, colours, rays.select(rows), seen, light)
    image = sky(rays, grid, light)
    image[rows] = lit if light.haze_m is None else _through_haze(lit, seen.distances, light.haze_m, light)
    return image, hits


def sky(rays: Rays, grid: Grid, light: Light) -> Float[Tensor, "R 3"]:
    """The colour behind everything."""
    directions = rays.directions * rays.directions.new_tensor(grid.voxel_m)
    rise = (directions[:, 2] / directions.norm(dim=1)).clamp(min=0)[:, None].sqrt()
    horizon, zenith = (directions.new_tensor(colour) for colour in (light.horizon, light.zenith))
    return horizon + rise * (zenith - horizon)


def _lit(
    voxels: UInt8[Tensor, "X Y Z"],
    space: Space,
    grid: Grid,
    colours: Float[Tensor, "K 3"],
    rays: Rays,
    hits: Hits,
    light: Light,
) -> Float[Tensor, "R 3"]:
    points = rays.at(hits.distances)
    axes = hits.axes[:, None]
    outward = -rays.directions.gather(1, axes)[:, 0].sign().int()
    sun = points.new_tensor(light.sun)
    facing = (outward * sun[hits.axes]).clamp(min=0)
    facing = facing * ~_in_shadow(space, grid, points, hits.axes, outward, facing > 0, sun)
    inside = (points - hits.voxels).clamp(0, 1)
    shares = points.new_tensor(light.sky_shares)[hits.axes]
    shares = shares * _corners(space, hits, outward, inside, light.corners)
    from_sky = shares[:, None] * points.new_tensor(light.sky_colour)
    from_sun = facing[:, None] * points.new_tensor(light.sun_colour)
    x, y, z = hits.voxels.long().unbind(1)
    lit = colours[voxels[x, y, z].long()] * (from_sky + from_sun)
    return (lit * _joints(hits, inside, light.joints)[:, None]).clamp(0, 1)


def _in_shadow(
    space: Space,
    grid: Grid,
    points: Float[Tensor, "R 3"],
    axes: Int[Tensor, " R"],
    outward: Int[Tensor, " R"],
    asked: Tensor,
    sun: Float[Tensor, "3"],
) -> Tensor:
    """Whether something stands between a point on a face and the sun; asked for some of the points only."""
    rows = torch.nonzero(asked)[:, 0]
    origins = points[rows].scatter_add(
        1, axes[rows, None], (outward[rows, None] * _OFF_THE_FACE).to(points.dtype)
    )
    directions = (sun / sun.new_tensor(grid.voxel_m)).expand_as(origins)
    shadow = torch.zeros_like(asked)
    shadow[rows] = space.cast(Rays(origins, directions)).found
    return shadow


def _corners(
    space: Space, hits: Hits, outward: Int[Tensor, " R"], inside: Float[Tensor, "R 3"], strength: float
) -> Float[Tensor, " R"]:
    """Brightness by what stands around a face: each of its corners by three neighbours, smooth in between."""
    padded = torch.nn.functional.pad(space.solid, (1, 1, 1, 1, 1, 1))
    in_front = hits.voxels.long() + 1
    in_front.scatter_add_(1, hits.axes[:, None], outward[:, None].long())
    # One past the border in front of the border's faces: there is nothing, as beyond.
    in_front = in_front.clamp(min=in_front.new_zeros(3), max=in_front.new_tensor(padded.shape) - 1)
    strides = in_front.new_tensor(padded.stride())
    one, other = (hits.axes + 1) % 3, (hits.axes + 2) % 3
    step_one, step_other = strides[one], strides[other]
    place, flat = (in_front * strides).sum(1), padded.reshape(-1)
    across = inside.gather(1, torch.stack([one, other], 1))
    light = torch.zeros_like(hits.distances)
    for a in (-1, 1):
        for b in (-1, 1):
            beside, ahead = _at(flat, place + a * step_one), _at(flat, place + b * step_other)
            diagonal = _at(flat, place + a * step_one + b * step_other)
            closed = torch.where((beside + ahead) == 2, 3, beside + ahead + diagonal)
            share = _share(across[:, 0], a) * _share(across[:, 1], b)
            light += share * (1 - strength * closed / 3)
    return light


def _at(flat: Tensor, places: Int[Tensor, " R"]) -> Int[Tensor, " R"]:
    return flat[places.clamp(0, len(flat) - 1)].int()


def _share(across: Float[Tensor, " R"], side: int) -> Float[Tensor, " R"]:
    return across if side > 0 else 1 - across


def _joints(hits: Hits, inside: Float[Tensor, "R 3"], strength: float) -> Float[Tensor, " R"]:
    """Brightness by the distance from the face's edges."""
    margin = torch.minimum(inside, 1 - inside)
    margin = margin.scatter(1, hits.axes[:, None], 1.0).amin(1)
    near = (1 - hits.distances / _JOINTS_UNTIL_M).clamp(min=0)
    return 1 - strength * near * (margin < _JOINT_WIDTH)


def _through_haze(
    colours: Float[Tensor, "R 3"], distances: Float[Tensor, " R"], haze_m: float, light: Light
) -> Float[Tensor, "R 3"]:
    left = torch.exp(-((distances / haze_m) ** 2))[:, None]
    return left * colours + (1 - left) * colours.new_tensor(light.horizon)
