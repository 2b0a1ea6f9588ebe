"""Blending of screen-space Gaussians, as a differentiable torch op, and per-Gaussian statistics of a view."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from splat_kernels import native
from splat_kernels.native import checked, pointer, require_memory
from splat_kernels.projection import RECORD_FLOATS

torch.library.define(
    "splat_kernels::rasterize",
    "(Tensor means2d, Tensor records, Tensor? extras, Tensor? background, SymInt width, SymInt height, Tensor? abs_gradients) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor)",
)
torch.library.define(
    "splat_kernels::rasterize_backward",
    "(Tensor records, Tensor? extras, Tensor? background, Tensor image, Tensor alpha, Tensor extra_image, Tensor visible_state, "
    "Tensor pair_state, Tensor grad_image, Tensor? grad_alpha, Tensor? grad_extra_image, Tensor(a!)? abs_gradients) -> "
    "(Tensor, Tensor, Tensor, Tensor)",
)


def _forward(records, extras, background, width, height):
    """Runs the kernel; returns the C struct (pair counts) and the output tensors."""
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

    def allocate(part: int, size: int) -> int:
        state[part] = torch.empty(size, dtype=torch.uint8)
        return state[part].data_ptr()

    args = native.RasterizeArgs(
        n, pointer(records), pointer(extras), pointer(background), n_extras, width, height, torch.get_num_threads(),
        native.ALLOCATE(allocate), pointer(image), pointer(alpha), pointer(extra_image),
    )  # fmt: skip
    require_memory(native.library.splat_rasterize_forward(args), "rasterize")
    return args, (image, alpha, extra_image, state[0], state[1])


@torch.library.impl("splat_kernels::rasterize", "CPU")
def _rasterize(means2d, records, extras, background, width, height, abs_gradients):
    return _forward(records, extras, background, width, height)[1]


@torch.library.register_fake("splat_kernels::rasterize")
def _rasterize_fake(means2d, records, extras, background, width, height, abs_gradients):
    context = torch.library.get_ctx()
    states = [records.new_empty(context.new_dynamic_size(), dtype=torch.uint8) for _ in range(2)]
    n_extras = 0 if extras is None else extras.shape[1]
    planes = [records.new_empty(3, height, width), records.new_empty(height, width), records.new_empty(n_extras, height, width)]
    return *planes, *states


@torch.library.impl("splat_kernels::rasterize_backward", "CPU")
def _rasterize_backward(
    records, extras, background, image, alpha, extra_image, visible_state, pair_state, grad_image, grad_alpha, grad_extra_image,
    abs_gradients,
):  # fmt: skip
    n, n_extras = records.shape[0], extra_image.shape[0]
    height, width = alpha.shape
    extras = None if extras is None else extras.contiguous()
    contiguous = [None if g is None else g.contiguous() for g in (grad_image, grad_alpha, grad_extra_image)]
    if n_extras and contiguous[2] is None:
        contiguous[2] = torch.zeros_like(extra_image)
    pairs = int(visible_state[8:16].view(torch.int64))
    pair_gradients = torch.empty(pairs, native.library.splat_pair_floats(n_extras))
    grad_means2d, grad_records = torch.empty(n, 2), torch.empty(n, RECORD_FLOATS)
    grad_extras = torch.empty(n, n_extras)
    args = native.RasterizeBackwardArgs(
        n, pointer(visible_state), pointer(pair_state), pointer(extras), pointer(background), pointer(image), pointer(extra_image),
        pointer(alpha), *map(pointer, contiguous), n_extras, width, height, torch.get_num_threads(), pointer(pair_gradients),
        pointer(grad_means2d), pointer(grad_records), pointer(grad_extras), pointer(abs_gradients),
    )  # fmt: skip
    require_memory(native.library.splat_rasterize_backward(args), "rasterize backward")
    grad_background = torch.zeros(3) if background is None else (grad_image * (1 - alpha)).sum((1, 2))
    return grad_means2d, grad_records, grad_extras, grad_background


@torch.library.register_fake("splat_kernels::rasterize_backward")
def _rasterize_backward_fake(records, extras, background, image, alpha, extra_image, *_rest):
    n, n_extras = records.shape[0], extra_image.shape[0]
    return records.new_empty(n, 2), torch.empty_like(records), records.new_empty(n, n_extras), records.new_empty(3)


def _setup_context(ctx, inputs, output):
    _means2d, records, extras, background, _width, _height, abs_gradients = inputs
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[3:])
    ctx.save_for_backward(records, extras, background, *output)
    ctx.abs_gradients = abs_gradients


def _backward(ctx, grad_image, grad_alpha, grad_extra_image, *_states):
    records, extras, background, image, alpha, extra_image, *states = ctx.saved_tensors
    if grad_image is None:
        grad_image = torch.zeros_like(image)
    grad_means2d, grad_records, grad_extras, grad_background = torch.ops.splat_kernels.rasterize_backward(
        records, extras, background, image, alpha, extra_image, *states, grad_image, grad_alpha, grad_extra_image, ctx.abs_gradients
    )
    return (
        grad_means2d, grad_records, None if extras is None else grad_extras, None if background is None else grad_background,
        None, None, None,
    )  # fmt: skip


torch.library.register_autograd("splat_kernels::rasterize", _backward, setup_context=_setup_context)


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
        means2d: the other output of `project_to_records`: carries the gradient of the screen-space means. The values
            blended are those in `records`.
        extras: more channels, blended with the same weights over zero.
        background: colour behind everything; None is black.
        abs_gradients: filled by backward with sums over pixels of |dL/dmean| (AbsGS, Ye et al. 2024).

    Returns:
        Image, opacity and extra channels; views of planar memory.

    Raises:
        ValueError: a shape, type or device is wrong.
        MemoryError: no room for the lists of the tiles.
    """
    image, alpha, extra_image, _, _ = torch.ops.splat_kernels.rasterize(means2d, records, extras, background, width, height, abs_gradients)
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
    columns = [means2d.detach(), conics, log_opacity[:, None], colors, extents, opacities[:, None], depths[:, None]]
    records = torch.cat([*columns, means2d.new_zeros(len(means2d), 3)], dim=1)
    return records if bool(visible.all()) else torch.where(visible[:, None], records, 0.0)


def rasterize(
    means2d, conics, colors, opacities, depths, radii=None, extras=None, background=None, width=1, height=1, abs_gradients=None
) -> tuple[Tensor, Tensor, Tensor]:
    """`rasterize_records` for screen-space Gaussians that come as separate tensors.

    Returns:
        image [H,W,3], alpha [H,W], extra image [H,W,E].
    """
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
        Sum of the transmittance in front of the Gaussian, number of pixels it was blended into, sum of its blending
        weights. The mean transmittance in front is the first over the second.
    """
    args, (_, _, _, visible_state, pair_state) = _forward(records, None, None, width, height)
    n = records.shape[0]
    pair_statistics = torch.empty(args.pairs, 4)
    sums = [torch.empty(n) for _ in range(3)]
    native.library.splat_gaussian_statistics(
        native.StatisticsArgs(
            n, pointer(visible_state), pointer(pair_state), width, height, torch.get_num_threads(), pointer(pair_statistics),
            *map(pointer, sums),
        )  # fmt: skip
    )
    return sums[0], sums[1], sums[2]


def pair_counts(records: Float[Tensor, "N 16"], width: int, height: int) -> tuple[int, int]:
    """(tile, Gaussian) pairs and 16-pixel block evaluations of a view: what its time depends on."""
    args, _ = _forward(records, None, None, width, height)
    return args.pairs, args.evaluations
