"""3-D Gaussians to the screen, as a differentiable torch op."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from splat_kernels import native
from splat_kernels.native import checked, pointer, require_memory

RECORD_FLOATS = 16
MOST_SH = 16
_ARGUMENTS = (
    "Tensor means, Tensor quats, Tensor scales, Tensor opacities, Tensor sh, Tensor viewmat, Tensor K, "
    "SymInt width, SymInt height, int sh_degree, float near, float far, float low_pass, bool antialiased, "
    "bool raw"
)

torch.library.define("splat_kernels::project", f"({_ARGUMENTS}) -> (Tensor, Tensor)")
torch.library.define(
    "splat_kernels::project_backward",
    f"({_ARGUMENTS}, Tensor records, Tensor grad_means2d, Tensor grad_records, bool pose) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)


def _arguments(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    sh: Tensor,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    sh_degree: int,
    *rest: Any,
) -> tuple[Any, tuple[Tensor, ...]]:
    """The C struct without its outputs, and the tensors it points into."""
    n = means.shape[0]
    if sh.ndim != 3 or not 0 <= sh_degree <= 3 or not (sh_degree + 1) ** 2 <= sh.shape[1] <= MOST_SH:
        raise ValueError(
            f"sh: shape [{n}, K, 3], (degree + 1)^2 <= K <= {MOST_SH}, a degree of 0 to 3 were expected, "
            f"got {list(sh.shape)} for degree {sh_degree}"
        )
    if K.ndim == 2 and K.device.type == "cpu" and float(K[0, 1]) != 0:
        raise ValueError(f"K: a camera without skew was expected, got K[0, 1] = {float(K[0, 1])}")
    if width < 1 or height < 1:
        raise ValueError(f"an image of at least 1 x 1 pixels was expected, got {width} x {height}")
    tensors = (
        checked("means", means, (n, 3)),
        checked("quats", quats, (n, 4)),
        checked("scales", scales, (n, 3)),
        checked("opacities", opacities, (n,)),
        checked("sh", sh, (n, sh.shape[1], 3)),
        checked("viewmat", viewmat, (4, 4)),
        checked("K", K, (3, 3)),
    )
    sizes = (sh.shape[1], sh_degree, width, height)
    return native.ProjectArgs(n, *map(pointer, tensors), *sizes, *rest, torch.get_num_threads()), tensors


@torch.library.impl("splat_kernels::project", "CPU")
def _project(*inputs: Any) -> tuple[Tensor, Tensor]:
    args, _tensors = _arguments(*inputs)
    means2d = torch.empty(args.n, 2)
    records = torch.empty(args.n, RECORD_FLOATS)
    args.means2d, args.records = pointer(means2d), pointer(records)
    native.library.splat_project_forward(args)
    return means2d, records


@torch.library.register_fake("splat_kernels::project")
def _project_fake(means: Tensor, *_rest: Any) -> tuple[Tensor, Tensor]:
    return means.new_empty(means.shape[0], 2), means.new_empty(means.shape[0], RECORD_FLOATS)


@torch.library.impl("splat_kernels::project_backward", "CPU")
def _project_backward(*inputs: Any) -> tuple[Tensor, ...]:
    *arguments, records, grad_means2d, grad_records, pose = inputs
    forward, tensors = _arguments(*arguments)
    grad_means2d, grad_records = grad_means2d.contiguous(), grad_records.contiguous()
    forward.records = pointer(records)
    gradients = [torch.empty_like(tensor) for tensor in tensors[:5]]
    grad_viewmat = torch.zeros(4, 4)
    args = native.ProjectBackwardArgs(
        forward,
        pointer(grad_means2d),
        pointer(grad_records),
        *map(pointer, gradients),
        pointer(grad_viewmat) if pose else None,
    )
    require_memory(native.library.splat_project_backward(args), "project backward")
    return (*gradients, grad_viewmat)


@torch.library.register_fake("splat_kernels::project_backward")
def _project_backward_fake(*inputs: Any) -> tuple[Tensor, ...]:
    return tuple(torch.empty_like(tensor) for tensor in inputs[:6])


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        with native.below_autograd():
            means2d, records = torch.ops.splat_kernels.project.default(*inputs)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[:7], records)
        ctx.settings = inputs[7:]
        return means2d, records

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, records = ctx.saved_tensors
        grad_means2d = records.new_zeros(records.shape[0], 2) if grads[0] is None else grads[0]
        grad_records = torch.zeros_like(records) if grads[1] is None else grads[1]
        pose = ctx.needs_input_grad[5]
        gradients = torch.ops.splat_kernels.project_backward.default(
            *tensors, *ctx.settings, records, grad_means2d, grad_records, pose
        )
        return (*gradients[:5], gradients[5] if pose else None, None, *(None,) * len(ctx.settings))


native.register_autograd("project", _Project)


def project_to_records(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    sh: Float[Tensor, "N K 3"],
    viewmat: Float[Tensor, "4 4"],
    K: Float[Tensor, "3 3"],
    width: int,
    height: int,
    *,
    sh_degree: int,
    near: float = 0.01,
    far: float = 1e10,
    low_pass: float = 0.3,
    antialiased: bool = False,
    raw: bool = False,
) -> tuple[Float[Tensor, "N 2"], Float[Tensor, "N 16"]]:
    """Projects Gaussians to screen-space means in pixels and the records that `rasterize_records` blends.

    Args:
        means: centres in the world.
        quats: rotations, wxyz, of any length.
        scales: standard deviations, or their logarithms when `raw`.
        opacities: in (0, 1), or logits when `raw`.
        sh: spherical harmonics, coefficient-major.
        viewmat: camera-from-world.
        K: intrinsics in pixels; pixel centres are at +0.5.
        width: of the image in pixels.
        height: of the image in pixels.
        sh_degree: degree evaluated, 0 to 3.
        near: Gaussians whose centre is not beyond this depth are dropped.
        far: likewise those not before it.
        low_pass: added to the diagonal of the screen covariance, in square pixels.
        antialiased: scales opacities by sqrt(det before / det after) of the low-pass filter.
        raw: which form `scales` and `opacities` have.

    Returns:
        Means in pixels, and one row a Gaussian: mean, conic (A, B, C), log2 opacity, colour, half extents of
        the alpha = 1/255 ellipse, opacity, depth. Rows of Gaussians that are not visible are zero. The
        gradient with respect to the mean travels through the first output alone.

    Raises:
        ValueError: a shape, type or device is wrong.

    Source: Kerbl et al. 2023, section 4; antialiasing after Yu et al. 2024 (Mip-Splatting), eq. 9.
    """
    settings = (width, height, sh_degree, near, far, low_pass, antialiased, raw)
    return torch.ops.splat_kernels.project.default(means, quats, scales, opacities, sh, viewmat, K, *settings)


def radii_of(records: Float[Tensor, "N 16"]) -> Int[Tensor, "N 2"]:
    """Half extents of the visible ellipses in whole pixels, rounded up; 0 = not visible."""
    return records.detach()[:, 9:11].clamp_max(2.0**30).ceil().int()


def depths_of(records: Float[Tensor, "N 16"]) -> Float[Tensor, " N"]:
    """Camera-space z of the means; 0 = not visible. Differentiable."""
    return records[:, 12]


def project(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    sh: Float[Tensor, "N K 3"],
    viewmat: Float[Tensor, "4 4"],
    K: Float[Tensor, "3 3"],
    width: int,
    height: int,
    sh_degree: int = 3,
    near: float = 0.01,
    far: float = 1e10,
    low_pass: float = 0.3,
    antialiased: bool = False,
    raw: bool = False,
) -> tuple[
    Float[Tensor, "N 2"],
    Float[Tensor, "N 3"],
    Float[Tensor, " N"],
    Int[Tensor, "N 2"],
    Float[Tensor, "N 3"],
    Float[Tensor, " N"],
]:
    """`project_to_records` with its rows taken apart; see there for the arguments.

    Returns:
        Means in pixels, conics, depths, radii in pixels, colours, opacities.
    """
    means2d, records = project_to_records(
        means,
        quats,
        scales,
        opacities,
        sh,
        viewmat,
        K,
        width,
        height,
        sh_degree=sh_degree,
        near=near,
        far=far,
        low_pass=low_pass,
        antialiased=antialiased,
        raw=raw,
    )
    return means2d, records[:, 2:5], depths_of(records), radii_of(records), records[:, 6:9], records[:, 11]
