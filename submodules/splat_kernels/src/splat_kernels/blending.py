"""Blending of screen-space Gaussians, as a differentiable torch op, and per-Gaussian statistics of a view."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from splat_kernels import native
from splat_kernels.native import checked, pointer, require_memory
from splat_kernels.projection import RECORD_FLOATS

torch.library.define(
    "splat_kernels::rasterize",
    "(Tensor means2d, Tensor records, Tensor? extras, Tensor? background, SymInt width, SymInt height, "
    "Tensor? abs_gradients) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
torch.library.define(
    "splat_kernels::rasterize_backward",
    "(Tensor records, Tensor? extras, Tensor? background, Tensor image, Tensor alpha, Tensor extra_image, "
    "Tensor visible_state, Tensor pair_state, Tensor grad_image, Tensor? grad_alpha, "
    "Tensor? grad_extra_image, Tensor(a!)? abs_gradients) -> (Tensor, Tensor, Tensor, Tensor)",
)


def _forward(
    records: Tensor, extras: Tensor | None, background: Tensor | None, width: int, height: int
) -> tuple[Any, tuple[Tensor, ...]]:
    """Runs the kernel; the C struct tells how much work it was, the tensors are the op's outputs."""
    n = records.shape[0]
    records = checked("records", records, (n, RECORD_FLOATS))
    n_extras = 0 if extras is None else extras.shape[1]
    extras = None if extras is None else checked("extras", extras, (n, n_extras))
    background = None if background is None else checked("background", background, (3,))
    if width < 1 or height < 1:
        raise ValueError(f"an image of at least 1 x 1 pixels was expected, got {width} x {height}")
    image, alpha = torch.empty(3, height, width), torch.empty(height, width)
    extra_image = torch.empty(n_extras, height, width)
    state: dict[int, Tensor] = {}

    def allocate(part: int, size: int) -> int | None:
        try:
            state[part] = torch.empty(size, dtype=torch.uint8)
        except RuntimeError:  # torch's word for memory that is out; the kernel then stops and says so
            return None
        return state[part].data_ptr()

    args = native.RasterizeArgs(
        n,
        pointer(records),
        pointer(extras),
        pointer(background),
        n_extras,
        width,
        height,
        torch.get_num_threads(),
        native.ALLOCATE(allocate),
        pointer(image),
        pointer(alpha),
        pointer(extra_image),
    )
    require_memory(native.library.splat_rasterize_forward(args), "rasterize")
    return args, (image, alpha, extra_image, state[0], state[1])


@torch.library.impl("splat_kernels::rasterize", "CPU")
def _rasterize(
    _means2d: Tensor,
    records: Tensor,
    extras: Tensor | None,
    background: Tensor | None,
    width: int,
    height: int,
    abs_gradients: Tensor | None,
) -> tuple[Tensor, ...]:
    if (
        abs_gradients is not None
        and checked("abs_gradients", abs_gradients, (len(records), 2)) is not abs_gradients
    ):
        raise ValueError("abs_gradients must be contiguous: it is written in place")
    return _forward(records, extras, background, width, height)[1]


@torch.library.register_fake("splat_kernels::rasterize")
def _rasterize_fake(
    _means2d: Tensor,
    records: Tensor,
    extras: Tensor | None,
    _background: Tensor | None,
    width: int,
    height: int,
    _abs_gradients: Tensor | None,
) -> tuple[Tensor, ...]:
    context = torch.library.get_ctx()
    states = [records.new_empty(context.new_dynamic_size(), dtype=torch.uint8) for _ in range(2)]
    n_extras = 0 if extras is None else extras.shape[1]
    image, alpha = records.new_empty(3, height, width), records.new_empty(height, width)
    return image, alpha, records.new_empty(n_extras, height, width), *states


@torch.library.impl("splat_kernels::rasterize_backward", "CPU")
def _rasterize_backward(
    records: Tensor,
    extras: Tensor | None,
    background: Tensor | None,
    image: Tensor,
    alpha: Tensor,
    extra_image: Tensor,
    visible_state: Tensor,
    pair_state: Tensor,
    grad_image: Tensor,
    grad_alpha: Tensor | None,
    grad_extra_image: Tensor | None,
    abs_gradients: Tensor | None,
) -> tuple[Tensor, ...]:
    n, n_extras = records.shape[0], extra_image.shape[0]
    height, width = alpha.shape
    extras = None if extras is None else extras.contiguous()
    if n_extras and grad_extra_image is None:
        grad_extra_image = torch.zeros_like(extra_image)
    gradients = [None if g is None else g.contiguous() for g in (grad_image, grad_alpha, grad_extra_image)]
    grad_means2d, grad_records = torch.empty(n, 2), torch.empty(n, RECORD_FLOATS)
    grad_extras = torch.empty(n, n_extras)
    args = native.RasterizeBackwardArgs(
        n,
        pointer(visible_state),
        pointer(pair_state),
        pointer(extras),
        pointer(image),
        pointer(extra_image),
        pointer(alpha),
        *map(pointer, gradients),
        n_extras,
        width,
        height,
        torch.get_num_threads(),
        pointer(grad_means2d),
        pointer(grad_records),
        pointer(grad_extras),
        pointer(abs_gradients),
    )
    require_memory(native.library.splat_rasterize_backward(args), "rasterize backward")
    grad_background = torch.zeros(3) if background is None else (grad_image * (1 - alpha)).sum((1, 2))
    return grad_means2d, grad_records, grad_extras, grad_background


@torch.library.register_fake("splat_kernels::rasterize_backward")
def _rasterize_backward_fake(records: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    n, n_extras = records.shape[0], rest[4].shape[0]
    gradients = records.new_empty(n, 2), torch.empty_like(records), records.new_empty(n, n_extras)
    return (*gradients, records.new_empty(3))


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, ...]:
        with native.below_autograd():
            outputs = torch.ops.splat_kernels.rasterize.default(*inputs)
        _means2d, records, extras, background, _width, _height, abs_gradients = inputs
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*outputs[3:])
        ctx.save_for_backward(records, extras, background, *outputs)
        ctx.abs_gradients = abs_gradients
        return outputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        records, extras, background, image, alpha, extra_image, *states = ctx.saved_tensors
        grad_image = torch.zeros_like(image) if grads[0] is None else grads[0]
        outputs = (image, alpha, extra_image, *states)
        grad_means2d, grad_records, grad_extras, grad_background = (
            torch.ops.splat_kernels.rasterize_backward.default(
                records, extras, background, *outputs, grad_image, grads[1], grads[2], ctx.abs_gradients
            )
        )
        grad_extras = None if extras is None else grad_extras
        grad_background = None if background is None else grad_background
        return grad_means2d, grad_records, grad_extras, grad_background, None, None, None


native.register_autograd("rasterize", _Rasterize)


def rasterize_records(
    means2d: Float[Tensor, "N 2"],
    records: Float[Tensor, "N 16"],
    width: int,
    height: int,
    *,
    extras: Float[Tensor, "N E"] | None = None,
    background: Float[Tensor, "3"] | None = None,
    abs_gradients: Float[Tensor, "N 2"] | None = None,
) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
    """Blends what `project_to_records` made, front to back.

    Args:
        means2d: the other output of `project_to_records`: carries the gradient of the screen-space means. The
            values blended are those in `records`.
        records: one row a Gaussian.
        width: of the image in pixels.
        height: of the image in pixels.
        extras: more channels, blended with the same weights over zero.
        background: colour behind everything; None is black.
        abs_gradients: contiguous; filled by backward with sums over pixels of |dL/dmean| (AbsGS, Ye et al.
            2024).

    Returns:
        Image, opacity and extra channels; views of planar memory.

    Raises:
        ValueError: a shape, type or device is wrong.
        MemoryError: no room for the lists of the tiles.

    Source: Kerbl et al. 2023, eq. 3.
    """
    image, alpha, extra_image, _, _ = torch.ops.splat_kernels.rasterize.default(
        means2d, records, extras, background, width, height, abs_gradients
    )
    return image.permute(1, 2, 0), alpha, extra_image.permute(1, 2, 0)


def pack_records(
    means2d: Float[Tensor, "N 2"],
    conics: Float[Tensor, "N 3"],
    colors: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    depths: Float[Tensor, " N"],
    radii: Int[Tensor, "N 2"] | None = None,
) -> Float[Tensor, "N 16"]:
    """Records from screen-space Gaussians; rows with radius 0 or opacity <= 1/255 become invisible."""
    with torch.no_grad():
        visible = opacities > 1 / 255
        if radii is not None:
            visible &= (radii > 0).all(1)
        log_opacity = torch.where(visible, opacities, 1.0).log2()
        determinant = conics[:, 0] * conics[:, 2] - conics[:, 1] ** 2
        cut = 2 * math.log(2) * (log_opacity + math.log2(255))
        extents = (cut[:, None] * conics[:, [2, 0]] / determinant.clamp_min(1e-30)[:, None]).sqrt()
    columns = [
        means2d.detach(),
        conics,
        log_opacity[:, None],
        colors,
        extents,
        opacities[:, None],
        depths[:, None],
        means2d.new_zeros(len(means2d), 3),
    ]
    records = torch.cat(columns, dim=1)
    return records if bool(visible.all()) else torch.where(visible[:, None], records, 0.0)


def rasterize(
    means2d: Float[Tensor, "N 2"],
    conics: Float[Tensor, "N 3"],
    colors: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    depths: Float[Tensor, " N"],
    radii: Int[Tensor, "N 2"] | None,
    extras: Float[Tensor, "N E"] | None,
    background: Float[Tensor, "3"] | None,
    width: int,
    height: int,
    abs_gradients: Float[Tensor, "N 2"] | None = None,
) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
    """`rasterize_records` for screen-space Gaussians that come as separate tensors; see there."""
    records = pack_records(means2d, conics, colors, opacities, depths, radii)
    return rasterize_records(
        means2d, records, width, height, extras=extras, background=background, abs_gradients=abs_gradients
    )


@torch.no_grad()
def gaussian_statistics(
    records: Float[Tensor, "N 16"], width: int, height: int
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Per-Gaussian sums over the pixels of one view.

    Returns:
        Sum of the transmittance in front of the Gaussian, number of pixels it was blended into, sum of its
        blending weights. The mean transmittance in front is the first over the second.
    """
    _args, (_, _, _, visible_state, pair_state) = _forward(records, None, None, width, height)
    n = records.shape[0]
    sums = torch.empty(n), torch.empty(n), torch.empty(n)
    args = native.StatisticsArgs(
        n,
        pointer(visible_state),
        pointer(pair_state),
        width,
        height,
        torch.get_num_threads(),
        *map(pointer, sums),
    )
    require_memory(native.library.splat_gaussian_statistics(args), "gaussian_statistics")
    return sums


def pair_counts(records: Float[Tensor, "N 16"], width: int, height: int) -> tuple[int, int]:
    """(tile, Gaussian) pairs and 16-pixel block evaluations of a view: what its time depends on."""
    forward, _outputs = _forward(records.detach(), None, None, width, height)
    return forward.pairs, forward.evaluations
