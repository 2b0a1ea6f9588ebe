"""Who draws: a back-end is a module with `project` and `rasterize`, all of the same arguments and results."""

from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, Protocol, cast

import torch
from jaxtyping import Float, Int, Int32
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


class Backend(Protocol):
    """What a back-end's module holds; `gaussian_renderer.backends.reference` documents the arguments."""

    def project(  # noqa: PLR0913, PLR0917 - the signature of the kernel
        self,
        means: Float[Tensor, "N 3"],
        quats: Float[Tensor, "N 4"],
        scales: Float[Tensor, "N 3"],
        opacities: Float[Tensor, " N"],
        sh: Float[Tensor, "N K 3"],
        viewmat: Float[Tensor, "4 4"],
        K: Float[Tensor, "3 3"],
        width: int,
        height: int,
        sh_degree: int,
        near: float,
        far: float,
        low_pass: float,
        antialiased: bool,
        raw: bool,
    ) -> Projection:
        """Gaussians as one camera sees them."""
        ...

    def rasterize(  # noqa: PLR0913, PLR0917 - the signature of the kernel
        self,
        means2d: Float[Tensor, "N 2"],
        conics: Float[Tensor, "N 3"],
        colors: Float[Tensor, "N 3"],
        opacities: Float[Tensor, " N"],
        depths: Float[Tensor, " N"],
        radii: Int[Tensor, "N 2"],
        extras: Float[Tensor, "N E"] | None,
        background: Float[Tensor, "3"] | None,
        width: int,
        height: int,
        abs_gradients: Float[Tensor, "N 2"] | None,
    ) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
        """Projected Gaussians blended into one image."""
        ...


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
    return cast(Backend, import_module(f"gaussian_renderer.backends.{name}"))
