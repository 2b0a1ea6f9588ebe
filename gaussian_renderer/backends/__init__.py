"""Who draws: a back-end is a module with `project` and `rasterize`, all of the same arguments and results."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from core.errors import UserError

NAMES = ("native", "reference")
"""In the order in which `auto` tries them."""


class Projection(NamedTuple):
    """Gaussians as one camera sees them. Rows of invisible Gaussians are zero.

    Args:
        means2d: pixels.
        conics: inverse covariances on the image (xx, xy, yy), 1/px^2.
        depths: z in the camera, in world units.
        radii: half extents of the box that may be touched, in px, rounded up; 0 means invisible.
        colors: RGB, at least 0.
        opacities: in (0, 1), after the antialiasing factor.
    """

    means2d: Float[Tensor, "N 2"]
    conics: Float[Tensor, "N 3"]
    depths: Float[Tensor, " N"]
    radii: Int32[Tensor, "N 2"]
    colors: Float[Tensor, "N 3"]
    opacities: Float[Tensor, " N"]


@dataclass(frozen=True)
class Backend:
    """The two halves of a renderer; `gaussian_renderer.backends.reference` says what their arguments are.

    Args:
        project: from Gaussians in the world to a `Projection`, or a tuple like it.
        rasterize: from there to the image, its alpha, and extra channels.
    """

    project: Callable[..., tuple[Tensor, ...]]
    rasterize: Callable[..., tuple[Tensor, Tensor, Tensor]]


def load(name: str, device: torch.device, dtype: torch.dtype) -> Backend:
    """The back-end of a name, able to draw tensors of this device and dtype.

    Args:
        name: "native", "reference", or "auto": native where it is installed and can, else reference.
        device: where the Gaussians are.
        dtype: their floating type.

    Raises:
        UserError: there is no such back-end, it is not installed, or it cannot draw such tensors.
    """
    if name not in (*NAMES, "auto"):
        raise UserError(f"there is no back-end {name!r}: choose auto, {' or '.join(NAMES)}")
    installed = find_spec("splat_kernels") is not None
    native_can = device.type == "cpu" and dtype == torch.float32
    if name == "auto":
        name = "native" if installed and native_can else "reference"
    if name == "native" and not installed:
        raise UserError(
            "the native back-end is not installed: run `pip install ./submodules/splat_kernels`, "
            "or choose the back-end reference"
        )
    if name == "native" and not native_can:
        raise UserError(
            f"the native back-end draws float32 on the CPU, these Gaussians are {dtype} on {device.type}: "
            "choose the back-end reference"
        )
    module = import_module(f"gaussian_renderer.backends.{name}")
    return Backend(module.project, module.rasterize)
