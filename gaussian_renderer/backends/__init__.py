"""Who draws: a back-end is a module with `project_view`; what that returns can rasterise itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from core.errors import UserError

NAMES = ("native", "reference")
"""In the order in which `auto` tries them."""


@dataclass(frozen=True)
class ViewSettings:
    """What is asked of every view of a call.

    Args:
        width: of the image, in pixels.
        height: of the image, in pixels.
        sh_degree: the degree of the spherical harmonics evaluated.
        near: Gaussians at this z-depth or nearer are not drawn.
        far: Gaussians at this z-depth or farther are not drawn.
        low_pass: added to the variances on the image, px^2.
        antialiased: whether the opacity makes up for the low pass.
    """

    width: int
    height: int
    sh_degree: int
    near: float
    far: float
    low_pass: float
    antialiased: bool


@dataclass(frozen=True)
class ProjectedView(ABC):
    """Gaussians as one camera sees them. Rows of invisible Gaussians are zero.

    Args:
        means2d: pixels.
        depths: z in the camera, in world units.
        radii: half extents of the box that may be touched, in px, rounded up; 0 means invisible.
    """

    means2d: Float[Tensor, "N 2"]
    depths: Float[Tensor, " N"]
    radii: Int32[Tensor, "N 2"]

    @abstractmethod
    def rasterize(
        self,
        means2d: Float[Tensor, "N 2"],
        extras: Float[Tensor, "N E"] | None,
        background: Float[Tensor, "3"] | None,
        abs_gradients: Float[Tensor, "N 2"] | None,
    ) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
        """The image, its alpha, and sums of the extra channels.

        Args:
            means2d: this view's own `means2d`, as the tensor that is to collect the screen gradients.
            extras: further channels, blended over nothing.
            background: colour behind everything; black when None.
            abs_gradients: zeros, which the backward pass fills with sums over pixels of |dL/d means2d|.
        """

    @abstractmethod
    def transmittance_in_front(self) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
        """Sums over the pixels that a Gaussian is blended into; nothing is differentiable.

        Returns:
            The transmittance in front of it, before its own alpha; and the number of those pixels.
        """


ProjectView = Callable[..., ProjectedView]
"""`project_view(splats, viewmat [4, 4], K [3, 3], settings: ViewSettings)`."""


def load(name: str, device: torch.device, dtype: torch.dtype) -> ProjectView:
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
    return import_module(f"gaussian_renderer.backends.{name}").project_view
