"""Wishes that all methods fulfil alike: Gaussians larger, plainer or cropped, and channels as colours."""

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize
from core.images import to_uint8
from scene.cameras import Cameras
from scene.splats import Splats
from viewer.subject import Extent, Picture, Wish

_LARGEST_ERROR = 0.25  # mean over the colours, gets the last colour of the map
_OUTER, _MARGIN = 0.1, 0.2  # a tenth on each side may be sky; what lies between gets a margin
_MOST_ASKED = 200_000  # Gaussians whose places are sorted


def wished(splats: Splats, wish: Wish) -> Splats:
    """The Gaussians as a wish has them: their sizes, the degree of their colours, those inside the crop."""
    assert splats.sh_degree is not None  # filled in by its constructor
    changed = replace(splats, sh_degree=min(splats.sh_degree, wish.sh_degree))
    if wish.scale != 1:
        scales = changed.scales + math.log(wish.scale) if changed.raw else changed.scales * wish.scale
        changed = replace(changed, scales=scales)
    if wish.crop is not None:
        changed = changed.select(inside(changed.means, wish.crop))
    return changed


def inside(
    means: Float[Tensor, "N 3"], crop: tuple[tuple[float, float, float], tuple[float, float, float]]
) -> Bool[Tensor, " N"]:
    """Which places lie in a box, given by opposite corners."""
    low, high = (means.new_tensor(corner) for corner in crop)
    return ((means >= low) & (means <= high)).all(-1)


def extent_of(means: Float[Tensor, "N 3"], cameras: Cameras, up: Float[ndarray, "3"] | None = None) -> Extent:
    """Where a scene is, without what is far around it.

    Args:
        means: of the Gaussians; may be none.
        cameras: of the capture, which lie inside; may be none.
        up: the world's; by default what the cameras mean by it.
    """
    corners = [cameras.centers.detach().cpu().double().numpy()]
    if len(means):
        some = means.detach()[:: max(1, len(means) // _MOST_ASKED)].cpu().double().numpy()
        inner = np.quantile(some, [_OUTER, 1 - _OUTER], axis=0)
        margin = _MARGIN * (inner[1] - inner[0])
        corners.append(np.stack([inner[0] - margin, inner[1] + margin]))
    places = np.concatenate(corners)
    if not len(places):
        places = np.array([[-1.0] * 3, [1.0] * 3])
    low, high = places.min(0), places.max(0)
    thin = high - low < 1e-6
    low, high = low - 0.5 * thin, high + 0.5 * thin
    up = mean_up(cameras) if up is None else up
    return Extent(_corner(low), _corner(high), _corner(up))


def mean_up(cameras: Cameras) -> Float[ndarray, "3"]:
    """The direction that cameras mean by up, a unit vector; z where they do not agree, or there is none."""
    if not len(cameras):
        return np.array([0.0, 0.0, 1.0])
    up = -cameras.viewmats[:, 1, :3].detach().cpu().double().numpy().mean(0)
    length = float(np.linalg.norm(up))
    return up / length if length > 0.1 else np.array([0.0, 0.0, 1.0])


def alpha_picture(alpha: Float[Tensor, "H W"]) -> Picture:
    """How much is covered: white is all."""
    return np.repeat(to_uint8(alpha).cpu().numpy()[..., None], 3, axis=2)


def error_picture(image: Picture, photograph: Picture) -> Picture:
    """The mean absolute difference of the colours: black is none, bright a quarter of the range or more."""
    difference = np.abs(image.astype(np.float32) - photograph.astype(np.float32)).mean(2) / 255
    return colorize(torch.from_numpy(difference), 0.0, _LARGEST_ERROR)


def staticness_picture(moving: Float[Tensor, "H W"]) -> Picture:
    """How likely it is that a pixel shows what stands still: yellow is sure to stand, blue to move."""
    return colorize(1 - moving, 0.0, 1.0, "cividis")


def _corner(values: Float[ndarray, "3"]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
