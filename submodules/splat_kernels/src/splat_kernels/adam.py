"""Adam in one pass over memory, for visible rows only when asked."""

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
        grads: their gradients.
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
        ValueError: a shape, type or device is wrong, or step is below 1.

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
        grad = checked("grads", grads[i], shape)
        state = (_in_place("params", param, shape), grad, _in_place("exp_avg", exp_avg[i], shape))
        rows = None if visible is None else checked("visible", visible, (n,), torch.bool)
        args = native.AdamArgs(
            n,
            columns,
            columns if active_columns is None else min(active_columns[i], columns),
            split,
            threads,
            *map(pointer, state),
            pointer(_in_place("exp_avg_sq", exp_avg_sq[i], shape)),
            pointer(rows),
            first,
            rest,
            *betas,
            eps,
            *corrections,
        )
        native.library.splat_adam_step(args)


def _in_place(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`checked`, for what the kernel writes: a copy would swallow the update."""
    if checked(name, tensor, shape) is not tensor:
        raise ValueError(f"{name}: a contiguous tensor was expected, because it is updated in place")
    return tensor
