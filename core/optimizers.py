"""Adam over the rows of named tables: one row is one Gaussian, and a step may touch the visible rows only.

On a CPU in float32 one fused kernel call does all tables; plain torch does it elsewhere, and is the
specification.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

try:
    import splat_kernels
except ImportError:  # plain torch serves until the kernels are installed; core.doctor says how
    splat_kernels = None

_ALL = 2**30  # more columns than any table has

LearningRate = float | tuple[float, float]
"""One for a whole table, or one for the first columns and another for the rest (see `RowAdam.splits`)."""


class RowAdam:
    """Adam whose tables may gain, lose and reorder rows.

    Args:
        parameters: tables by name, their first dimension the rows. The mapping is shared with the model that
            owns it: a table replaced there is the one updated here.
        splits: for tables with two learning rates, how many columns (numbers of a row) the first one covers.
        betas: decay of the first and of the second moment.
        eps: added to the root of the second moment.
        kernels: whether the fused kernels serve where they can.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.
    """

    def __init__(
        self,
        parameters: dict[str, Tensor],
        *,
        splits: Mapping[str, int] | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-15,
        kernels: bool = True,
    ) -> None:
        self.parameters = parameters
        self.splits = dict(splits or {})
        self.betas = betas
        self.eps = eps
        self.kernels = kernels
        self.steps = 0
        self.exp_avg = {name: torch.zeros_like(table.detach()) for name, table in parameters.items()}
        self.exp_avg_sq = {name: torch.zeros_like(table.detach()) for name, table in parameters.items()}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for table in self.parameters.values():
            table.grad = None

    @torch.no_grad()
    def step(
        self,
        learning_rates: Mapping[str, LearningRate],
        *,
        visible: Bool[Tensor, " N"] | None = None,
        active_columns: Mapping[str, int] | None = None,
    ) -> None:
        """Update every table that has a gradient.

        Args:
            learning_rates: for each table.
            visible: rows to update, with their moments; None means all of them. Rows that a step leaves out
                keep their moments, and no bias is corrected, as in the sparse Adam of 3DGS.
            active_columns: for tables of which only the first columns have ever had a gradient, how many
                those
                are: the others would not change, and are not read.
        """
        self.steps += 1
        names = [name for name, table in self.parameters.items() if table.grad is not None]
        if not self.kernels or splat_kernels is None or not self._is_float32_on_cpu():
            for name in names:
                self._update(name, learning_rates[name], visible)
            return
        tables = [self.parameters[name] for name in names]
        splat_kernels.adam_step(
            tables,
            [table.grad for table in tables if table.grad is not None],
            [self.exp_avg[name] for name in names],
            [self.exp_avg_sq[name] for name in names],
            [learning_rates[name] for name in names],
            splits=[self.splits.get(name, 0) for name in names],
            active_columns=[(active_columns or {}).get(name, _ALL) for name in names],
            visible=visible,
            betas=self.betas,
            eps=self.eps,
            step=self.steps,
            bias_correction=visible is None,
        )

    def forget(self, name: str) -> None:
        """Set a table's moments to zero."""
        self.exp_avg[name].zero_()
        self.exp_avg_sq[name].zero_()

    def state_dict(self) -> dict[str, Any]:
        """Moments and step count."""
        return {"steps": self.steps, "exp_avg": dict(self.exp_avg), "exp_avg_sq": dict(self.exp_avg_sq)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave; the tables must have been restored before."""
        self.steps = state["steps"]
        for mine, theirs in ((self.exp_avg, state["exp_avg"]), (self.exp_avg_sq, state["exp_avg_sq"])):
            for name, table in self.parameters.items():
                mine[name] = theirs[name].to(table.device).clone()

    def _is_float32_on_cpu(self) -> bool:
        return all(
            table.dtype == torch.float32 and table.device.type == "cpu" for table in self.parameters.values()
        )

    def _update(self, name: str, rate: LearningRate, visible: Bool[Tensor, " N"] | None) -> None:
        """One table in plain torch: the specification."""
        table, first, second = self.parameters[name], self.exp_avg[name], self.exp_avg_sq[name]
        grad = table.grad
        if grad is None:
            return
        new_first = first + (1 - self.betas[0]) * (grad - first)
        new_second = second + (1 - self.betas[1]) * (grad * grad - second)
        corrections = [1 - beta**self.steps for beta in self.betas] if visible is None else [1.0, 1.0]
        change = (new_first / corrections[0]) / ((new_second / corrections[1]).sqrt() + self.eps)
        change *= self._per_column(name, rate) if isinstance(rate, tuple) else rate
        if visible is not None:
            chosen = visible.view(-1, *[1] * (table.dim() - 1))
            new_first, new_second = (
                torch.where(chosen, new_first, first),
                torch.where(chosen, new_second, second),
            )
            change = torch.where(chosen, change, torch.zeros_like(change))
        first.copy_(new_first)
        second.copy_(new_second)
        table.sub_(change)

    def _per_column(self, name: str, rates: tuple[float, float]) -> Tensor:
        """Learning rates in the shape of a row."""
        table = self.parameters[name]
        columns = torch.full((table[0].numel(),), rates[1], dtype=table.dtype, device=table.device)
        columns[: self.splits[name]] = rates[0]
        return columns.view(table.shape[1:])
