"""Where Gaussians are copied, removed and replaced: parameters and Adam's moments move together."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from core.optimizers import RowAdam


@torch.no_grad()
def move_rows(optimizer: RowAdam, source: Int[Tensor, " M"], fresh: Bool[Tensor, " M"] | None = None) -> None:
    """Rebuild every table so that new row i is old row `source[i]`.

    Cloning repeats rows in `source`, pruning leaves them out, relocating points dead rows at live ones.

    Args:
        optimizer: its `parameters` are replaced by new leaf tensors that require gradients and have none.
        source: old rows, M of any number.
        fresh: new rows whose moments start at zero; the others keep those of their source.
    """
    for name, table in optimizer.parameters.items():
        optimizer.parameters[name] = table.detach().index_select(0, source).requires_grad_()
        for moments in (optimizer.exp_avg, optimizer.exp_avg_sq):
            moved = moments[name].index_select(0, source)
            if fresh is not None:
                moved[fresh] = 0
            moments[name] = moved


def keep_rows(optimizer: RowAdam, keep: Bool[Tensor, " N"]) -> Int[Tensor, " M"]:
    """Remove the rows where `keep` is False; returns the old rows that are left."""
    rows = keep.nonzero()[:, 0]
    move_rows(optimizer, rows)
    return rows


def finite_rows(parameters: dict[str, Tensor]) -> Bool[Tensor, " N"]:
    """Where every parameter of a Gaussian is a number."""
    # A sum is finite only if its terms are (or, beyond any sensible scene, if it overflows): one pass, no
    # mask of N x K.
    return (
        torch.stack(
            [
                table.detach().flatten(1).sum(1) if table.dim() > 1 else table.detach()
                for table in parameters.values()
            ]
        )
        .sum(0)
        .isfinite()
    )
