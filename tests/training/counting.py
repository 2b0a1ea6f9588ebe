"""A task without Gaussians, for tests of the loop."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from core.schedules import Schedule
from training.task import Evaluation, Stepper, StepReport


class Counting:
    """Fits a number to 3 by gradient descent; remembers every batch in its state.

    Args:
        iterations: length of the run.
        bad_steps: steps whose loss is not a number, as often as they are tried.
    """

    def __init__(self, iterations: int, bad_steps: Mapping[int, float] | None = None) -> None:
        self.schedule = Schedule(iterations)
        self.bad_steps = dict(bad_steps or {})
        self.value = torch.zeros(())
        self.seen: list[int] = []
        self.rates: list[float] = []
        self.evaluations = 0

    def batches(self, first_step: int) -> Iterator[int]:
        step = first_step
        while True:
            yield 10 * step
            step += 1

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        leaf = self.value.detach().requires_grad_()
        loss = (leaf - 3).square() + self.bad_steps.get(step, 0.0)
        value = stepper.backward(loss)
        assert leaf.grad is not None
        self.value = self.value - 0.05 * stepper.learning_rate_scale * leaf.grad
        self.seen.append(batch)
        self.rates.append(stepper.learning_rate_scale)
        return StepReport(value, {"psnr": 1.0} if stepper.reporting else {})

    def evaluate(self) -> Evaluation:
        self.evaluations += 1
        return Evaluation(
            {"psnr": 10.0 + self.evaluations}, {"test/a": torch.zeros(2, 2, 3, dtype=torch.uint8)}
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "seen": list(self.seen),
            "rates": list(self.rates),
            "iterations": self.schedule.iterations,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.value, self.seen, self.rates = state["value"], list(state["seen"]), list(state["rates"])
        self.schedule = Schedule(state["iterations"])


NOT_A_NUMBER = math.nan
