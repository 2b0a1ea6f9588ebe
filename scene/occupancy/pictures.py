"""Pictures of a frame of occupancy: from above, from the driver's seat, from behind."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.images import to_uint8
from scene.occupancy.classes import ClassSet
from scene.occupancy.sequence import Grid, Occupancy
from scene.occupancy.shading import Light, shade
from scene.occupancy.viewpoints import (
    Viewpoint,
    chase,
    driver,
    overview,
    pinhole_rays,
    straight_down_rays,
    without_own_vehicle,
)

_HAZE_SHARE = 0.95  # of the way to the grid's far end, so that the world's end is not a wall
_PAPER = 0.965  # where a picture from above shows nothing
_GREY, _WHITE = 0.14, 0.06  # shares mixed into the colours of classes
_LOWEST_BRIGHTNESS = 0.86  # of the lowest layer in a picture from above; the highest has 1


def bird_eye(
    occupancy: Occupancy, frame: int = 0, pixels_per_voxel: int = 4, light: Light | None = None
) -> UInt8[ndarray, "H W 3"]:
    """A frame from straight above: forward is up, higher things are brighter.

    Args:
        occupancy: the sequence.
        frame: which of its frames.
        pixels_per_voxel: edge of a voxel in the picture.
        light: on the voxels.
    """
    grid, voxels = occupancy.grid, occupancy.classes[frame].cpu()
    rays = straight_down_rays(grid, pixels_per_voxel)
    light = replace(light or Light(), joints=0.0, haze_m=None)
    colours, hits = shade(voxels, grid, class_colours(occupancy.class_set), rays, light)
    height = (hits.voxels[:, 2] / max(grid.size[2] - 1, 1))[:, None]
    colours = colours * (_LOWEST_BRIGHTNESS + (1 - _LOWEST_BRIGHTNESS) * height)
    colours[~hits.found] = _PAPER
    return _picture(colours, grid.size[0] * pixels_per_voxel, grid.size[1] * pixels_per_voxel, 1)


def drivers_view(
    occupancy: Occupancy, frame: int = 0, width: int = 640, height: int = 360, samples: int = 1
) -> UInt8[ndarray, "H W 3"]:
    """What a driver would see, were the world of voxels.

    Args:
        occupancy: the sequence.
        frame: which of its frames.
        width: of the picture, pixels.
        height: of the picture, pixels.
        samples: rays along each edge of a pixel; 2 makes edges smooth and takes four times as long.
    """
    voxels = without_own_vehicle(occupancy, frame)
    return look_from(occupancy, voxels, driver(occupancy, frame), (width, height), samples)


def chase_view(
    occupancy: Occupancy, frame: int = 0, width: int = 640, height: int = 360, samples: int = 1
) -> UInt8[ndarray, "H W 3"]:
    """From behind and above the vehicle; arguments as for `drivers_view`."""
    point = chase(occupancy, frame)
    # Haze begins at the camera, and this one stands behind and above.
    light = Light(haze_m=_HAZE_SHARE * _reach(occupancy.grid) + math.dist(point.position_m, (0, 0, 0)))
    return look_from(occupancy, occupancy.classes[frame], point, (width, height), samples, light)


def overview_picture(
    occupancy: Occupancy, frame: int = 0, width: int = 640, height: int = 360, samples: int = 1
) -> UInt8[ndarray, "H W 3"]:
    """The whole grid from a corner behind, like a model on a table; arguments as for `drivers_view`."""
    point = overview(occupancy, frame)
    return look_from(
        occupancy, occupancy.classes[frame], point, (width, height), samples, Light(joints=0.0), paper=True
    )


def look_from(
    occupancy: Occupancy,
    voxels: UInt8[Tensor, "X Y Z"],
    viewpoint: Viewpoint,
    size: tuple[int, int],
    samples: int = 1,
    light: Light | None = None,
    paper: bool = False,
) -> UInt8[ndarray, "H W 3"]:
    """Voxels from any place.

    Args:
        occupancy: says where the voxels lie and what they mean.
        voxels: classes.
        viewpoint: from where.
        size: width and height of the picture, pixels.
        samples: rays along each edge of a pixel.
        light: on the voxels; by default with haze at the grid's far end.
        paper: a plain background in place of the sky.
    """
    width, height = (samples * edge for edge in size)
    grid = occupancy.grid
    light = light or Light(haze_m=_HAZE_SHARE * _reach(grid))
    rays = pinhole_rays(viewpoint, grid, width, height)
    colours, hits = shade(voxels.cpu(), grid, class_colours(occupancy.class_set), rays, light)
    if paper:
        colours[~hits.found] = _PAPER
    return _picture(colours, height, width, samples)


PICTURES: dict[str, Callable[..., UInt8[ndarray, "H W 3"]]] = {
    "driver": drivers_view, "chase": chase_view, "overview": overview_picture,
}  # fmt: skip
"""Pictures by the name of their viewpoint."""


def class_colours(class_set: ClassSet) -> Float[Tensor, "K 3"]:
    """The colours of classes in pictures and legends, in [0, 1]: a little paler than those of data sets.

    Those are meant for labels; full colours leave light and shade no room.
    """
    colours = torch.tensor(class_set.colours) / 255
    grey = colours.mean(1, keepdim=True)
    return (1 - _GREY - _WHITE) * colours + _GREY * grey + _WHITE


def _reach(grid: Grid) -> float:
    """From the vehicle to the grid's far end."""
    ends = (
        origin + size * edge
        for origin, size, edge in zip(grid.origin_m[:2], grid.size[:2], grid.voxel_m[:2], strict=True)
    )
    return max(*ends, grid.voxel_m[0])


def _picture(colours: Float[Tensor, "R 3"], rows: int, columns: int, samples: int) -> UInt8[ndarray, "H W 3"]:
    image = colours.reshape(rows // samples, samples, columns // samples, samples, 3).mean((1, 3))
    return np.ascontiguousarray(to_uint8(image).numpy())
