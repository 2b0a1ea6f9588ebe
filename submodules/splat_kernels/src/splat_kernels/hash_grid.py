"""Features of points from a multiresolution hash grid, as a differentiable torch op."""

import ctypes
import math
from typing import Any

import torch
from jaxtyping import Float, Int32, Int64
from torch import Tensor

from splat_kernels import native
from splat_kernels.native import checked, pointer, require_memory

AXES = (3, 4)
FEATURES = (1, 2, 4)
MOST_CELLS = 2**23  # along an axis: a float32 position still tells cells apart

_ARGUMENTS = "Tensor x, Tensor tables, Tensor resolutions, Tensor offsets"

torch.library.define("splat_kernels::hash_grid", f"({_ARGUMENTS}, bool sparse) -> Tensor")
torch.library.define(
    "splat_kernels::hash_grid_backward",
    f"({_ARGUMENTS}, Tensor grad_out, bool for_x, bool for_tables) -> (Tensor, Tensor)",
)
torch.library.define(
    "splat_kernels::hash_grid_backward_sparse",
    f"({_ARGUMENTS}, Tensor grad_out, bool for_x) -> (Tensor, Tensor, Tensor)",
)


def _arguments(
    x: Tensor, tables: Tensor, resolutions: Tensor, offsets: Tensor
) -> tuple[Any, tuple[Tensor, ...]]:
    """The C struct without its outputs, and the tensors it points into."""
    if x.ndim != 2 or x.shape[1] not in AXES:
        raise ValueError(f"x: shape [N, 3] or [N, 4] was expected, got {list(x.shape)}")
    if tables.ndim != 2 or tables.shape[1] not in FEATURES:
        raise ValueError(f"tables: shape [R, 1], [R, 2] or [R, 4] was expected, got {list(tables.shape)}")
    (n, axes), (rows, features), levels = x.shape, tables.shape, max(offsets.numel() - 1, 0)
    tensors = (
        checked("x", x, (n, axes)),
        checked("tables", tables, (rows, features)),
        checked("resolutions", resolutions, (levels, axes), torch.int32),
        checked("offsets", offsets, (levels + 1,), torch.int64),
    )
    _check_levels(resolutions.tolist(), offsets.tolist(), rows)
    sizes = (axes, levels, features, torch.get_num_threads())
    return native.HashGridArgs(n, *map(pointer, tensors), *sizes), tensors


def _check_levels(resolutions: list[list[int]], offsets: list[int], rows: int) -> None:
    """What the kernel takes for granted when it looks rows up."""
    if offsets[0] != 0 or offsets[-1] != rows:
        raise ValueError(f"offsets: 0 to {rows}, the tables' rows, was expected, got {offsets}")
    for level, cells in enumerate(resolutions):
        if not all(1 <= count <= MOST_CELLS for count in cells):
            raise ValueError(
                f"resolutions: 1 to {MOST_CELLS} cells an axis were expected, level {level} has {cells}"
            )
        size, vertices = offsets[level + 1] - offsets[level], math.prod(count + 1 for count in cells)
        hashable = size.bit_count() == 1 and size <= 2**31
        if size < 1 or (vertices > size and not hashable) or size >= 2**32:
            raise ValueError(
                f"offsets: level {level} has {size} rows; a row for each of its {vertices} vertices, "
                "or a power of two for hashing, was expected"
            )


@torch.library.impl("splat_kernels::hash_grid", "CPU")
def _hash_grid(x: Tensor, tables: Tensor, resolutions: Tensor, offsets: Tensor, _sparse: bool) -> Tensor:
    args, _tensors = _arguments(x, tables, resolutions, offsets)
    out = torch.empty(args.n, args.levels * args.features)
    args.out = pointer(out)
    require_memory(native.library.splat_hash_grid_forward(args), "hash_grid")
    return out


@torch.library.register_fake("splat_kernels::hash_grid")
def _hash_grid_fake(x: Tensor, tables: Tensor, resolutions: Tensor, *_rest: Any) -> Tensor:
    return x.new_empty(x.shape[0], resolutions.shape[0] * tables.shape[1])


@torch.library.impl("splat_kernels::hash_grid_backward", "CPU")
def _hash_grid_backward(
    x: Tensor,
    tables: Tensor,
    resolutions: Tensor,
    offsets: Tensor,
    grad_out: Tensor,
    for_x: bool,
    for_tables: bool,
) -> tuple[Tensor, Tensor]:
    args, grad_x, _kept = _backward_arguments(x, tables, resolutions, offsets, grad_out, for_x)
    grad_tables = torch.empty(tables.shape if for_tables else (0,))
    args.grad_tables = pointer(grad_tables) if for_tables else None
    require_memory(native.library.splat_hash_grid_backward(args), "hash_grid backward")
    return grad_x, grad_tables


@torch.library.register_fake("splat_kernels::hash_grid_backward")
def _hash_grid_backward_fake(
    x: Tensor,
    tables: Tensor,
    _r: Tensor,
    _o: Tensor,
    _grad_out: Tensor,
    for_x: bool,
    for_tables: bool,
) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape if for_x else (0,)), tables.new_empty(tables.shape if for_tables else (0,))


@torch.library.impl("splat_kernels::hash_grid_backward_sparse", "CPU")
def _hash_grid_backward_sparse(
    x: Tensor, tables: Tensor, resolutions: Tensor, offsets: Tensor, grad_out: Tensor, for_x: bool
) -> tuple[Tensor, Tensor, Tensor]:
    args, grad_x, _kept = _backward_arguments(x, tables, resolutions, offsets, grad_out, for_x)
    touched, counts = _touched(args.forward)
    starts = counts.cumsum(0) - counts
    rows = torch.empty(int(counts.sum()), dtype=torch.int64)
    values = torch.empty(len(rows), args.forward.features)
    args.touched, args.starts, args.rows, args.values = map(pointer, (touched, starts, rows, values))
    require_memory(native.library.splat_hash_grid_backward(args), "hash_grid backward")
    return grad_x, rows, values


@torch.library.register_fake("splat_kernels::hash_grid_backward_sparse")
def _hash_grid_backward_sparse_fake(
    x: Tensor, tables: Tensor, resolutions: Tensor, offsets: Tensor, grad_out: Tensor, for_x: bool
) -> tuple[Tensor, Tensor, Tensor]:
    count = torch.library.get_ctx().new_dynamic_size()
    grad_x = x.new_empty(x.shape if for_x else (0,))
    return grad_x, offsets.new_empty(count), tables.new_empty(count, tables.shape[1])


def _backward_arguments(
    x: Tensor, tables: Tensor, resolutions: Tensor, offsets: Tensor, grad_out: Tensor, for_x: bool
) -> tuple[Any, Tensor, tuple[Tensor, ...]]:
    """The C struct without the tables' gradient, the points' one, and what else it points into."""
    forward, tensors = _arguments(x, tables, resolutions, offsets)
    grad_out = checked("grad_out", grad_out, (forward.n, forward.levels * forward.features))
    grad_x = torch.empty(x.shape if for_x else (0,))
    args = native.HashGridBackwardArgs(forward, pointer(grad_out), pointer(grad_x) if for_x else None)
    return args, grad_x, (*tensors, grad_out)


def _touched(grid: Any) -> tuple[Tensor, Tensor]:
    """Which rows points read, and how many of each level."""
    offsets = (ctypes.c_int64 * (grid.levels + 1)).from_address(grid.offsets)
    touched = torch.empty(offsets[grid.levels], dtype=torch.bool)
    counts = torch.empty(grid.levels, dtype=torch.int64)
    args = native.HashGridTouchedArgs(grid, pointer(touched), pointer(counts))
    require_memory(native.library.splat_hash_grid_touched(args), "hash_grid_touched")
    return touched, counts


class _HashGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        *tensors, ctx.sparse = inputs
        ctx.save_for_backward(*tensors)
        with native.below_autograd():
            return torch.ops.splat_kernels.hash_grid.default(*inputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        tensors, (for_x, for_tables) = ctx.saved_tensors, ctx.needs_input_grad[:2]
        if ctx.sparse and for_tables:
            grad_x, rows, values = torch.ops.splat_kernels.hash_grid_backward_sparse.default(
                *tensors, grads[0], for_x
            )
            shape = tensors[1].shape
            grad_tables = torch.sparse_coo_tensor(
                rows[None], values, shape, is_coalesced=True, check_invariants=False
            )
        else:
            grad_x, grad_tables = torch.ops.splat_kernels.hash_grid_backward.default(
                *tensors, grads[0], for_x, for_tables
            )
        return grad_x if for_x else None, grad_tables if for_tables else None, None, None, None


native.register_autograd("hash_grid", _HashGrid)


def hash_grid(
    x: Float[Tensor, "N D"],
    tables: Float[Tensor, "R F"],
    resolutions: Int32[Tensor, "L D"],
    offsets: Int64[Tensor, " L+1"],
    *,
    sparse: bool = False,
) -> Float[Tensor, "N L*F"]:
    """Multilinear interpolation of features at the vertices of L grids, side by side.

    A level whose vertices fit into its rows has them numbered, the first axis fastest. Another one finds a
    vertex's row by XOR of its coordinates times 1, 2654435761, 805459861 and 3674653429, modulo its rows.
    Backward keeps the inputs alone: 4 D bytes a point.

    Args:
        x: points in the box [0, 1]^D, D of 3 or 4. One outside has the features of the nearest one inside,
            and no gradient along the axes that leave the box; one that is no number has none as features.
        tables: of all levels, one after the other; F is 1, 2 or 4, and 2 is fastest.
        resolutions: cells of each level along each axis.
        offsets: first row of each level, then R; a hashed level has a power of two of rows.
        sparse: the tables' gradient is a sparse tensor of the rows read, as `adam_step` and
            `torch.optim.SparseAdam` take it: a step on few points then need not pass over large tables.

    Raises:
        ValueError: a shape, type or device is wrong, or rows and cells do not fit each other.

    Source: Müller et al., "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding", 2022,
    section 3 and eq. 4.
    """
    return torch.ops.splat_kernels.hash_grid.default(x, tables, resolutions, offsets, sparse)
