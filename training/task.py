"""What the loop asks of a method, and what a method's step asks of the loop."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import UInt8
from torch import Tensor

from core.schedules import Schedule

BatchT = TypeVar("BatchT")


class NonFiniteLossError(Exception):
    """The loss is infinite or not a number; nothing has been updated."""


@dataclass(frozen=True)
class StepReport:
    """What one step tells.

    Args:
        loss: its loss.
        numbers: further scalars by name; those that cost time only when `Stepper.reporting` is set.
    """

    loss: float
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """How well a task does on data it has not seen.

    Args:
        numbers: means over that data; empty if there is none.
        pictures: some of its results, side by side with the truth.
    """

    numbers: Mapping[str, float]
    pictures: Mapping[str, UInt8[Tensor, "H W 3"]] = field(default_factory=dict)


class Stepper:
    """Runs the backward pass for a step: plain float32 on one device.

    Args:
        learning_rate_scale: factor that a step applies to every learning rate; the loop lowers it after a
            failure.
        reporting: whether the step's extra numbers will be read.
    """

    def __init__(self, learning_rate_scale: float = 1.0, reporting: bool = False) -> None:
        self.learning_rate_scale = learning_rate_scale
        self.reporting = reporting

    def backward(self, loss: Tensor) -> float:
        """Compute gradients and return the loss as a number.

        Raises:
            NonFiniteLossError: the loss is no finite number; there are no gradients then, and no step may be
                made.
        """
        value = loss.detach().item()
        if not math.isfinite(value):
            raise NonFiniteLossError(f"the loss is {value}")
        loss.backward()
        return value


class RehearsalOverError(Exception):
    """Raised by a `RehearsalStepper` where the updates would begin."""


class RehearsalStepper(Stepper):
    """Lets a step run up to its updates and no further, so that it can be timed and leaves no trace."""

    def backward(self, loss: Tensor) -> float:
        """Compute gradients, then leave the step.

        Raises:
            RehearsalOverError: always.
        """
        loss.backward()
        raise RehearsalOverError


@runtime_checkable
class Task(Protocol[BatchT]):
    """A method of training. It never sees a path, a logger or the clock.

    Everything random is a function of (seed, step), so that state plus step determine the rest of a run.
    """

    schedule: Schedule
    """How long the run is. The loop replaces it when a run is fitted into a time."""

    def batches(self, first_step: int) -> Iterator[BatchT]:
        """The data of `first_step`, the step after it, and so on without an end."""
        ...

    def step(self, step: int, batch: BatchT, stepper: Stepper) -> StepReport:
        """Forward, backward, update.

        Args:
            step: its number, from 1.
            batch: what `batches` gave for it.
            stepper: runs the backward pass; what it raises is not caught, and updates come after it.

        Raises:
            NonFiniteLossError: from `stepper`.
        """
        ...

    def evaluate(self) -> Evaluation:
        """Score the present state on held-out data."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values that determine the rest of the run; tensors may be the live ones."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        ...
