"""Adam in one pass over memory, for visible rows only when asked."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor

from splat_kernels import native
from splat_kernels.native import checked, pointer


@torch.no_grad()
def adam_step(
    params: list[Tensor],
    grads: list[Tensor],
    exp_avg: list[Tensor],
    exp_avg_sq: list[Tensor],
    lrs: list[float | tuple[float, float]],
    *,
    step: int,
    visible: Bool[Tensor, " N"] | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-15,
    splits: list[int] | None = None,
    active_columns: list[int] | None = None,
    bias_correction: bool = True,
) -> None:
    """Updates parameters and both moments in place.

    Args:
        params: float32 tensors [N, ...]; each row is one Gaussian.
        grads: their gradients. A sparse one, of listed rows of at most 16 floats, updates those rows alone.
        exp_avg: first moments.
        exp_avg_sq: second moments.
        lrs: learning rate a tensor, or (rate of the first `split` floats of each row, rate of the rest).
        step: number of this update, from 1: for the bias correction.
        visible: rows to update; None is all. Rows left out keep their moments (sparse Adam).
        betas: decay of the two moments.
        eps: added to the root of the second moment.
        splits: floats of a row that the first rate covers, at most 16; needed where `lrs` has a pair.
        active_columns: floats of a row that have had gradients so far; the others are skipped.
        bias_correction: divide the moments by 1 - beta^step.

    Raises:
        ValueError: a shape, type or device is wrong, step is below 1, or a sparse gradient comes with
            `visible` or two rates.

    Source: Kingma & Ba 2015, algorithm 1.
    """
    if step < 1:
        raise ValueError(f"step counts from 1, got {step}")
    for name, values in (("grads", grads), ("exp_avg", exp_avg), ("exp_avg_sq", exp_avg_sq), ("lrs", lrs)):
        if len(values) != len(params):
            raise ValueError(f"{name}: one a parameter was expected, {len(params)} in all, got {len(values)}")
    corrections = [1 - beta**step for beta in betas] if bias_correction else [1.0, 1.0]
    threads = torch.get_num_threads()
    for i, param in enumerate(params):
        shape = tuple(param.shape)
        n, columns = shape[0], param.numel() // max(shape[0], 1)
        rate, split = lrs[i], 0 if splits is None else splits[i]
        first, rest = rate if isinstance(rate, tuple) else (rate, rate)
        if not 0 <= split <= 16:
            raise ValueError(f"a split between 0 and 16 was expected, got {split}")
        grad, listed = _dense_or_listed(grads[i], shape)
        if listed is not None and (visible is not None or isinstance(rate, tuple)):
            raise ValueError(
                "a sparse gradient says itself which rows it updates, and all at one rate: "
                "neither visible nor a pair of rates was expected"
            )
        state = (_in_place("params", param, shape), grad, _in_place("exp_avg", exp_avg[i], shape))
        rows = None if visible is None else checked("visible", visible, (n,), torch.bool)
        args = native.AdamArgs(
            n if listed is None else len(listed),
            columns,
            columns if active_columns is None else min(active_columns[i], columns),
            split,
            threads,
            *map(pointer, state),
            pointer(_in_place("exp_avg_sq", exp_avg_sq[i], shape)),
            pointer(rows),
            pointer(listed),
            first,
            rest,
            *betas,
            eps,
            *corrections,
        )
        native.library.splat_adam_step(args)


def _dense_or_listed(grad: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
    """A gradient as it is, or the rows that a sparse one has and their numbers."""
    if grad.layout != torch.sparse_coo:
        return checked("grads", grad, shape), None
    columns = math.prod(shape[1:])
    if tuple(grad.shape) != shape or grad.sparse_dim() != 1 or not 1 <= columns <= 16:
        raise ValueError(
            f"grads: a sparse one has rows of 1 to 16 floats and shape {list(shape)}, "
            f"got {list(grad.shape)} with {grad.sparse_dim()} sparse dimensions"
        )
    # Autograd forgets that a gradient is coalesced; a look is cheaper than sorting again.
    if not bool((grad._indices()[0].diff() > 0).all()):
        grad = grad.coalesce()
    listed = grad._indices()[0].contiguous()
    return checked("grads", grad._values(), (len(listed), *shape[1:])), listed


def _in_place(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`checked`, for what the kernel writes: a copy would swallow the update."""
    if checked(name, tensor, shape) is not tensor:
        raise ValueError(f"{name}: a contiguous tensor was expected, because it is updated in place")
    return tensor
