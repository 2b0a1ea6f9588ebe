"""What trainings of generative networks share: rates, precision, gradients of processes, averaged weights."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from core.distributed import Team
from core.errors import UserError
from core.randomness import generator
from generation.precision import Precision, autocast
from training.sample_batches import Part
from training.task import NonFiniteLossError, Stepper

SampleT = TypeVar("SampleT")


@dataclass(frozen=True)
class NetworkFitConfig:
    """How a network is optimised."""

    epochs: float = 100.0
    """Times that all samples are seen."""
    iterations: int = 0
    """Optimiser steps of the whole training; 0 = as many as the epochs have."""
    batch_size: int = 8
    """Samples a step, over all processes."""
    accumulate: int = 1
    """Parts that each process takes its samples of a step in, one after another: the same step in less
    memory."""
    learning_rate: float = 1e-3
    """Of Adam, after the warm-up."""
    weight_decay: float = 0.0
    """Of AdamW."""
    warmup_steps: int = 0
    """Steps over which the rate rises from 0."""
    rate_schedule: Literal["constant", "steps", "cosine"] = "constant"
    """How the rate falls: not at all, by a factor after certain epochs, along half a cosine to zero."""
    decay_epochs: tuple[float, ...] = (50.0, 60.0, 70.0, 80.0, 90.0)
    """Epochs after which the schedule `steps` lowers the rate."""
    decay: float = 0.7
    """The factor by which it does."""
    clip_gradient: float = 0.0
    """Longest gradient; a longer one is shortened. 0 leaves all."""
    precision: Precision = "bfloat16"
    """What layers compute in where that is safe; weights and losses stay in float32. float16 scales its
    losses."""
    ema_decay: float = 0.0
    """Of the moving average of all weights, which then is what is scored and saved; 0 = none."""
    ema_warmup: bool = False
    """Let the average follow faster in the first steps, so that short runs have one."""
    loaders: int = 2
    """Threads that load samples."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "learning_rate", "loaders"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: a positive number was expected, got {getattr(self, name)}")
        for name in ("iterations", "weight_decay", "warmup_steps", "clip_gradient"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay: a share from 0 to below 1 was expected, got {self.ema_decay}")

    def steps(self, steps_per_epoch: int) -> int:
        """Optimiser steps of the whole training."""
        return self.iterations or max(1, round(self.epochs * steps_per_epoch))

    def rate(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step, counted from 1."""
        warm = min(1.0, step / self.warmup_steps) if self.warmup_steps else 1.0
        if self.rate_schedule == "steps":
            epoch = (step - 1) // steps_per_epoch
            return warm * self.learning_rate * self.decay ** sum(epoch >= end for end in self.decay_epochs)
        if self.rate_schedule == "cosine":
            done = (step - 1) / self.steps(steps_per_epoch)
            return warm * self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return warm * self.learning_rate


class NetworkFit:
    """Optimises a network: gradients of parts and processes, one update a step, a moving average of weights.

    Args:
        network: on its device.
        config: how.
        steps_per_epoch: unit of the rates' schedule.
        seed: of what is drawn at random.
        team: the processes.
    """

    def __init__(
        self, network: nn.Module, config: NetworkFitConfig, steps_per_epoch: int, seed: int, team: Team
    ) -> None:
        self.network = network
        self.config = config
        self.steps_per_epoch = steps_per_epoch
        self.seed = seed
        self.team = team
        self.learning = [each for each in network.parameters() if each.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.learning, lr=0.0, weight_decay=config.weight_decay, fused=True
        )
        self.scaler = torch.amp.GradScaler(team.device.type, enabled=config.precision == "float16")
        self.average = copy.deepcopy(network).requires_grad_(False).eval() if config.ema_decay else None

    @property
    def best_network(self) -> nn.Module:
        """What is scored and saved: the averaged weights where there are any."""
        return self.network if self.average is None else self.average

    def step(
        self,
        step: int,
        parts: Sequence[Part[SampleT]],
        losses: Callable[[Part[SampleT]], tuple[Tensor, Tensor]],
        stepper: Stepper,
    ) -> tuple[float, Tensor]:
        """Forward, backward, update.

        Args:
            step: its number, from 1.
            parts: this process's samples.
            losses: a part's mean loss, and further numbers about it, means too.
            stepper: runs the last part's backward pass.

        Returns:
            The step's loss and further numbers, means over all processes.

        Raises:
            NonFiniteLossError: the loss is no finite number.
            UserError: the same, in a run of several processes.
        """
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        total, logged, last = torch.zeros((), device=self.team.device), None, None
        for part in parts:
            if last is not None:
                self.scaler.scale(last).backward()  # of the part before; the last one's is the stepper's
            with self._drawing(part.number), self.autocast():
                loss, numbers = losses(part)
            last = loss * part.share
            total = total + last.detach()
            logged = numbers.detach() * part.share + (0 if logged is None else logged)
        assert last is not None  # as no process is without a part
        assert logged is not None
        # Each process goes backward through its own parts, but all must agree on whether to go on.
        agreed = last + (self.team.sum(total) - last.detach())
        value = self._backward(agreed, stepper)
        self._update(step, stepper.learning_rate_scale)
        return value, self.team.sum(logged)

    def autocast(self) -> torch.autocast:
        """Within it layers compute in the precision asked for."""
        return autocast(self.team.device, self.config.precision)

    def _backward(self, loss: Tensor, stepper: Stepper) -> float:
        scale = self.scaler.get_scale()
        try:
            return stepper.backward(self.scaler.scale(loss)) / scale
        except NonFiniteLossError as error:
            if self.team.size == 1:
                raise
            # The loop's way back leads over a checkpoint that only the first process has.
            raise UserError(
                f"{error} in a run of {self.team.size} processes; repeat the command to go on from the last "
                "checkpoint, or choose a new folder and a lower --learning-rate"
            ) from error

    def _update(self, step: int, rate_scale: float) -> None:
        self.team.sum_gradients(self.learning)
        self.scaler.unscale_(self.optimizer)
        if self.config.clip_gradient:
            nn.utils.clip_grad_norm_(self.learning, self.config.clip_gradient)
        rate = rate_scale * self.config.rate(step, self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self._follow(self.average, step)

    @torch.no_grad()
    def _follow(self, average: nn.Module, step: int) -> None:
        decay = self.config.ema_decay
        if self.config.ema_warmup:
            decay = min(decay, (1 + step) / (10 + step))
        for averaged, weight in zip(average.parameters(), self.network.parameters(), strict=True):
            averaged.lerp_(weight, 1 - decay)

    @contextmanager
    def _drawing(self, number: int) -> Iterator[None]:
        """What the network draws is a function of (seed, sample); others' draws are not disturbed."""
        device = self.team.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(generator(self.seed, "network", number).initial_seed())
            yield

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values that determine the rest of the training."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        return state if self.average is None else {**state, "average": self.average.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
