"""Training the network that says what moves: DAS3R's recipe, and one that begins with nothing.

The published recipe leaves the trunk as it is and trains the mask heads. A small network without
published weights trains all of itself, on points and masks together.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from core.distributed import Team
from core.errors import UserError
from core.randomness import generator
from core.schedules import Schedule
from dynamic_predictor.network.model import Network
from scene.datasets.pointodyssey import LabelRule
from scene.motion_pairs import MotionVideos
from training.loop import LoopConfig
from training.predictor_batches import HeldOutPairs, PairBatch, PairDataConfig, PairLoader
from training.predictor_losses import LossTerms, PixelCounts, PredictorLossConfig, terms_of
from training.predictor_scores import PairScores, picture
from training.task import Evaluation, NonFiniteLossError, Stepper, StepReport

PICTURES = 4
"""Held-out pairs shown with an evaluation."""

Trained = Literal["masks", "decoder", "all"]

# First words of the parameters' names.
_ENCODER = ("patch_embed", "enc_")
_TRUNK = (*_ENCODER, "decoder_embed", "dec_")
_POINTS = ("downstream_head1", "downstream_head2")


@dataclass(frozen=True)
class TrainingLengthConfig:
    """How long, and at which rates."""

    epochs: float = 50.0
    """Times that `pairs_per_epoch` pairs are seen."""
    pairs_per_epoch: int = 10_000
    """Pairs of an epoch, drawn anew in each."""
    batch_size: int = 32
    """Pairs a step, over all processes; each is looked at in both orders."""
    accumulate: int = 1
    """Parts that each process takes its pairs of a step in, one after another: the same step in less memory,
    but for what is drawn at random."""
    learning_rate: float = 5e-5
    """Of AdamW after the warm-up; it falls along half a cosine."""
    min_learning_rate: float = 1e-6
    """Of AdamW at the end."""
    warmup_epochs: float = 3.0
    """Epochs over which the rate rises from 0."""
    weight_decay: float = 0.05
    """Of AdamW; biases and norms have none."""
    clip_gradient: float = 0.0
    """Longest gradient; a longer one is shortened. 0 leaves all."""

    def __post_init__(self) -> None:
        for name in ("epochs", "pairs_per_epoch", "batch_size", "accumulate", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: a positive number was expected, got {getattr(self, name)}")
        for name in ("min_learning_rate", "warmup_epochs", "weight_decay", "clip_gradient"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return max(1, round(self.epochs * self.pairs_per_epoch / self.batch_size))

    def rate(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then half a cosine, by the fraction of an epoch.

        Source: I. Loshchilov and F. Hutter, "SGDR", 2017, eq. 5; K. He et al., "Masked Autoencoders",
            2022, for fractions of epochs.
        """
        epoch = (step - 1) * self.batch_size / self.pairs_per_epoch
        if epoch < self.warmup_epochs:
            return self.learning_rate * epoch / self.warmup_epochs
        done = (epoch - self.warmup_epochs) / max(self.epochs - self.warmup_epochs, 1e-12)
        fall = self.learning_rate - self.min_learning_rate
        return self.min_learning_rate + fall * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@dataclass(frozen=True)
class PredictorTraining:
    """How the network is trained."""

    seed: int = 0
    """Of the initial weights, the order of the pairs and all draws; not negative."""
    test_path: Path | None = None
    """Held-out videos; by default PointOdyssey's test split, or every fourth sequence of the source."""
    network: Literal["monst3r", "dust3r", "das3r", "tiny"] = "monst3r"
    """What the training begins with: published weights, with new mask heads where they have none, or a small
    network without any."""
    pretrained: Path | None = None
    """A weight file to begin with, in place of the published one."""
    trained: Trained = "masks"
    """Which weights learn: the mask heads; those, the decoder and the point heads; everything."""
    amp: bool = True
    """Compute in bfloat16 where that is safe; weights and losses stay in float32."""
    length: TrainingLengthConfig = TrainingLengthConfig()
    """How long, and at which rates."""
    data: PairDataConfig = PairDataConfig()
    """What is seen."""
    labels: LabelRule = LabelRule()
    """What counts as moving in PointOdyssey."""
    loss: PredictorLossConfig = PredictorLossConfig()
    """What is minimised."""
    loop: LoopConfig = LoopConfig(test_iterations=(), save_iterations=())
    """When to report and save."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: a number from 0 on was expected, got {self.seed}")


class PredictorTask:
    """The training as a task: a batch are pairs of frames, a step looks at each in both orders.

    Args:
        config: the training.
        network: with mask heads, on the team's device.
        train: videos to learn from.
        test: held-out videos.
        team: the processes that share the steps. Their gradients are summed, so that any number of them
            takes the same steps, but for rounding.

    Raises:
        UserError: the network has no mask heads, or a resolution is no multiple of its patch.
    """

    def __init__(
        self, config: PredictorTraining, network: Network, train: MotionVideos, test: MotionVideos, team: Team
    ) -> None:
        _check(config, network, team)
        self.config = config
        self.network = network
        self.team = team
        self.schedule = Schedule(config.length.steps, scaled=False)
        self.loader = PairLoader(
            train,
            config.data,
            batch_size=config.length.batch_size,
            seed=config.seed,
            rank=team.rank,
            processes=team.size,
            parts=config.length.accumulate,
        )
        self.held_out = HeldOutPairs(test, config.data)
        self.trained = choose_trained(network, config.trained)
        self.optimizer = torch.optim.AdamW(
            _groups(self.trained, config.length.weight_decay), lr=0.0, betas=(0.9, 0.95)
        )

    def batches(self, first_step: int) -> Iterator[list[PairBatch]]:
        """This process's part of every step."""
        return self.loader.batches(first_step)

    def step(self, step: int, batch: list[PairBatch], stepper: Stepper) -> StepReport:
        """Forward, backward, update."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        counts = PixelCounts.of(
            [truth for part in batch for truth in (part.forward, part.backward)], self.team
        )
        total, logged = torch.zeros((), device=self.team.device), torch.zeros(2, device=self.team.device)
        loss = None
        with self._dropout(step):
            for part in batch:
                if loss is not None:
                    loss.backward()  # of the part before; the last one's is the stepper's
                terms = self._terms(part.to(self.team.device)).over(counts)
                loss = terms.loss(self.config.loss)
                total, logged = total + loss.detach(), logged + terms.logged
        assert loss is not None  # as no process is without a pair
        # Each process goes backward through its own pairs, but all must agree on whether to go on.
        value = self._backward(loss + (self.team.sum(total) - loss.detach()), stepper)
        rate = self._update(step, stepper.learning_rate_scale)
        if not stepper.reporting:
            return StepReport(value, {})
        entropy, points = self.team.sum(logged).tolist()
        return StepReport(value, {"mask_entropy": entropy, "point_loss": points, "learning_rate": rate})

    def _terms(self, batch: PairBatch) -> LossTerms:
        with self._autocast():
            first, second = self.network.encode(batch.images_1), self.network.encode(batch.images_2)
            forward = self.network.decode_pairs(first, second)
            backward = self.network.decode_pairs(second, first)
        loss = self.config.loss
        return terms_of(forward, batch.forward, loss) + terms_of(backward, batch.backward, loss)

    def _backward(self, loss: Tensor, stepper: Stepper) -> float:
        try:
            return stepper.backward(loss)
        except NonFiniteLossError as error:
            if self.team.size == 1:
                raise
            # The loop's way back leads over a checkpoint that only the first process has.
            raise UserError(
                f"{error} in a run of {self.team.size} processes; repeat the command to go on from the last "
                "checkpoint, or choose a new folder and a lower --learning-rate"
            ) from error

    def _update(self, step: int, scale: float) -> float:
        """One step of AdamW; returns the learning rate."""
        length = self.config.length
        self.team.sum_gradients(self.trained.values())
        if length.clip_gradient:
            nn.utils.clip_grad_norm_(self.trained.values(), length.clip_gradient)
        rate = scale * length.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return rate

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """Score held-out pairs: masks by intersection over union and by J and F, points by their error."""
        self.network.eval()
        device = self.team.device
        sums = PairScores().as_tensor(device)
        pictures: dict[str, UInt8[Tensor, "H W 3"]] = {}
        for index in range(self.team.rank, len(self.held_out), self.team.size):
            batch = PairBatch.of([self.held_out[index]]).to(device)
            with self._autocast():
                prediction = self.network(batch.images_1, batch.images_2)
            sums += PairScores.of(prediction, batch.forward).as_tensor(device)
            if len(pictures) < PICTURES:
                pictures[f"test/{index:04d}"] = picture(batch, prediction)
        return Evaluation(PairScores.numbers(self.team.sum(sums).tolist()), pictures)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.team.device.type, dtype=torch.bfloat16, enabled=self.config.amp)

    @contextmanager
    def _dropout(self, step: int) -> Iterator[None]:
        """What the network draws is a function of (seed, step, process); others' draws are not disturbed."""
        device = self.team.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            number = step * self.team.size + self.team.rank
            torch.manual_seed(generator(self.config.seed, "dropout", number).initial_seed())
            yield

    def state_dict(self) -> dict[str, Any]:
        """What learns, and the optimiser. Frozen weights are left out: they are read where they were."""
        return {"trained": dict(self.trained), "optimizer": self.optimizer.state_dict()}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for name, parameter in self.trained.items():
            parameter.copy_(state["trained"][name])
        self.optimizer.load_state_dict(state["optimizer"])


def _check(config: PredictorTraining, network: Network, team: Team) -> None:
    if not network.config.dynamic_heads:
        raise UserError("the network has no heads that say what moves; they are what is trained")
    patch = network.config.patch
    for width, height in (*config.data.resolutions, config.data.test_resolution):
        if width % patch or height % patch or min(width, height) < patch:
            raise UserError(
                f"--resolutions {width} {height}: multiples of the network's patch of {patch} were expected"
            )
    if config.length.batch_size % team.size:
        raise UserError(
            f"--batch-size {config.length.batch_size} does not divide into {team.size} processes; choose a "
            "multiple of their number"
        )


def choose_trained(network: Network, trained: Trained) -> dict[str, nn.Parameter]:
    """The parameters that learn, by name. All others are frozen: what only they enter has no gradient."""
    frozen = {
        "masks": ("mask_token", *_TRUNK, *_POINTS),
        "decoder": ("mask_token", *_ENCODER),
        "all": ("mask_token",),
    }[trained]
    chosen: dict[str, nn.Parameter] = {}
    for name, parameter in network.named_parameters():
        learns = not name.startswith(frozen)
        parameter.requires_grad_(learns)
        if learns:
            chosen[name] = parameter
    return chosen


def _groups(parameters: Mapping[str, nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Matrices and kernels decay; biases and norms, which have one dimension, do not."""
    decaying = [parameter for parameter in parameters.values() if parameter.ndim > 1]
    others = [parameter for parameter in parameters.values() if parameter.ndim <= 1]
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
