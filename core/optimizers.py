"""Adam over the rows of named tables: one row is one Gaussian, and a step may touch the visible rows only.

On a CPU in float32 one fused kernel call does all tables; plain torch does it elsewhere, and is the specification.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

try:
    import splat_kernels
except ImportError:  # plain torch serves until the kernels are installed; core.doctor says how
    splat_kernels = None

LearningRate = float | Tensor
"""One for a whole table, or one per column: a tensor of a row's shape."""


class RowAdam:
    """Adam whose tables may gain, lose and reorder rows.

    Args:
        parameters: tables by name, their first dimension the rows. The mapping is shared with the model that owns it:
            a table replaced there is the one updated here.
        betas: decay of the first and of the second moment.
        eps: added to the root of the second moment.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.
    """

    def __init__(self, parameters: dict[str, Tensor], *, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-15) -> None:
        self.parameters = parameters
        self.betas = betas
        self.eps = eps
        self.steps = 0
        self.exp_avg = {name: torch.zeros_like(table, requires_grad=False) for name, table in parameters.items()}
        self.exp_avg_sq = {name: torch.zeros_like(table, requires_grad=False) for name, table in parameters.items()}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for table in self.parameters.values():
            table.grad = None

    @torch.no_grad()
    def step(self, learning_rates: Mapping[str, LearningRate], visible: Bool[Tensor, " N"] | None = None) -> None:
        """Update every table that has a gradient.

        Args:
            learning_rates: for each table.
            visible: rows to update, with their moments; None means all of them. Rows that a step leaves out keep
                their moments, and no bias is corrected, as in the sparse Adam of 3DGS.
        """
        self.steps += 1
        names = [name for name, table in self.parameters.items() if table.grad is not None]
        tables = [self.parameters[name] for name in names]
        adam_step(tables, [table.grad for table in tables if table.grad is not None],
                  [self.exp_avg[name] for name in names], [self.exp_avg_sq[name] for name in names],
                  [learning_rates[name] for name in names], visible=visible, betas=self.betas, eps=self.eps, step=self.steps)

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


def adam_step(parameters: list[Tensor], grads: list[Tensor], exp_avg: list[Tensor], exp_avg_sq: list[Tensor],
              learning_rates: list[LearningRate], *, visible: Bool[Tensor, " N"] | None,
              betas: tuple[float, float], eps: float, step: int) -> None:
    """One step of Adam on all tables, in place, by the kernels where they apply."""
    if splat_kernels is not None and _all_float32_on_cpu(parameters):
        splat_kernels.adam_step(parameters, grads, exp_avg, exp_avg_sq, learning_rates, visible, betas, eps, step)
    else:
        adam_step_reference(parameters, grads, exp_avg, exp_avg_sq, learning_rates, visible=visible, betas=betas, eps=eps, step=step)


def _all_float32_on_cpu(tables: Iterable[Tensor]) -> bool:
    return all(table.dtype == torch.float32 and table.device.type == "cpu" for table in tables)


@torch.no_grad()
def adam_step_reference(parameters: list[Tensor], grads: list[Tensor], exp_avg: list[Tensor], exp_avg_sq: list[Tensor],
                        learning_rates: list[LearningRate], *, visible: Bool[Tensor, " N"] | None,
                        betas: tuple[float, float], eps: float, step: int) -> None:
    """`adam_step` in plain torch, for any device and dtype."""
    for table, grad, first, second, rate in zip(parameters, grads, exp_avg, exp_avg_sq, learning_rates, strict=True):
        new_first = first + (1 - betas[0]) * (grad - first)
        new_second = second + (1 - betas[1]) * (grad * grad - second)
        if visible is None:
            denominator = (new_second / (1 - betas[1] ** step)).sqrt() + eps
            change = rate * (new_first / (1 - betas[0] ** step)) / denominator
        else:
            chosen = visible.view(-1, *[1] * (table.dim() - 1))
            new_first, new_second = torch.where(chosen, new_first, first), torch.where(chosen, new_second, second)
            change = torch.where(chosen, rate * new_first / (new_second.sqrt() + eps), torch.zeros_like(table))
        first.copy_(new_first)
        second.copy_(new_second)
        table.sub_(change)


def sh_learning_rates(dc: float, rest: float, coefficients: int, like: Tensor) -> Float[Tensor, "K 3"]:
    """Learning rates of the columns of `sh`: one for the constant coefficient, another for the rest."""
    rates = torch.full((coefficients, 3), rest, dtype=like.dtype, device=like.device)
    rates[0] = dc
    return rates
