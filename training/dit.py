"""Training the diffusion transformer: latents in, the noise in them out.

Source: Bian et al., "DynamicCity", 2025, section 4.3; W. Peebles and S. Xie, "Scalable diffusion models with
transformers", 2023.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor

from core.distributed import Team
from core.randomness import generator
from core.schedules import Schedule
from generation.diffusion import SamplingConfig, diffusion_losses, linear_schedule
from generation.dit import Conditions, Dit, DitConfig, kept_at_random
from generation.dit.checkpoints import DitFacts, LoadedDit
from generation.driving_conditions import conditions_of
from generation.latents import Latent, LatentSplit
from generation.rollout import LatentSize, cell_mask, plane_ids
from generation.scene_sampler import SceneSampler
from generation.vae.checkpoints import LoadedVae
from scene.occupancy.pictures import bird_eye
from scene.occupancy.sequence import Occupancy
from training.loop import LoopConfig
from training.network_fit import NetworkFit, NetworkFitConfig
from training.sample_batches import Part, SampleLoader, evenly_chosen
from training.task import Evaluation, Stepper, StepReport

_TEST_SEED = 0
"""Held-out noise is the same in every run."""


@dataclass(frozen=True)
class DitTraining:
    """How the transformer is trained; the defaults are DynamicCity's for CarlaSC."""

    seed: int = 0
    """Of the initial weights, the order of the windows and all draws; not negative."""
    model: DitConfig = DitConfig()
    """The network; the planes' size and channels are those of the latents, whatever is said here."""
    pretrained: Path | None = None
    """Weights to begin with, of a transformer of the same configuration; None = new ones."""
    normalize: bool = False
    """Bring latents to unit scale, by plane and channel."""
    legacy_driving: bool = True
    """Trajectories and commands as DynamicCity computes them; otherwise seen from the vehicle, with
    thresholds that grow with the window."""
    vae: Path | None = None
    """Weights of the autoencoder, for pictures of samples with each evaluation; None = where the latents say,
    if it is still there."""
    test_windows: int = 64
    """Held-out windows whose loss is taken, evenly spread; 0 = all."""
    pictures: int = 4
    """Samples drawn with each evaluation."""
    sampling: SamplingConfig = SamplingConfig(steps=20)
    """How they are drawn."""
    balance_planes: bool = False
    """Let the six planes weigh alike in the loss. Else each cell does, and the planes of time, which tell a
    drive from a stop, have the smallest part."""
    evaluation_epochs: float = 10.0
    """Epochs between two evaluations."""
    fit: NetworkFitConfig = NetworkFitConfig(
        epochs=1200.0, batch_size=128, learning_rate=1e-4, precision="float16", ema_decay=0.9999
    )
    """The optimisation."""
    loop: LoopConfig = LoopConfig(test_iterations=(), save_iterations=())
    """When to report and save."""

    def __post_init__(self) -> None:
        if not self.evaluation_epochs > 0 or self.pictures < 0 or self.test_windows < 0:
            raise ValueError(
                f"evaluation_epochs {self.evaluation_epochs}, pictures {self.pictures}, test_windows "
                f"{self.test_windows}: a positive number and two from 0 on were expected"
            )


@dataclass(frozen=True)
class LatentSample:
    """A window and the one before it.

    Args:
        window: what is learned.
        previous: rollout of the window that ends where it begins; None if there is none, or if the
            transformer is not conditioned by it.
    """

    window: Latent
    previous: Float16[Tensor, "C H W"] | None


class DitTask:
    """Learns to find the noise in latents.

    Args:
        config: the training.
        model: on the team's device.
        train: latents to learn from.
        test: latents to score on.
        facts: what goes with the weights.
        team: the processes.
        vae: for pictures of samples, on the team's device; None = without.
    """

    def __init__(
        self,
        config: DitTraining,
        model: Dit,
        train: LatentSplit,
        test: LatentSplit,
        facts: DitFacts,
        team: Team,
        vae: LoadedVae | None = None,
    ) -> None:
        self.config = config
        self.train = train
        self.test = test
        self.facts = facts
        self.team = team
        self.vae = vae
        self.chain = linear_schedule()
        cells = _balanced(model.config.size) if config.balance_planes else cell_mask(model.config.size)
        self.weights = cells.to(team.device)
        self.loader = SampleLoader(
            len(train),
            lambda index, _: self._sample(train, index),
            batch_size=config.fit.batch_size,
            accumulate=config.fit.accumulate,
            seed=config.seed,
            team=team,
            threads=config.fit.loaders,
        )
        epoch = self.loader.steps_per_epoch
        self.schedule = Schedule(config.fit.steps(epoch), scaled=False)
        self.fit = NetworkFit(model, config.fit, epoch, config.seed, team)

    def _sample(self, latents: LatentSplit, index: int) -> LatentSample:
        before = latents.previous(index) if self.config.model.hexplane else None
        return LatentSample(latents[index], None if before is None else latents[before].rollout)

    def batches(self, first_step: int) -> Iterator[list[Part[LatentSample]]]:
        """This process's part of every step."""
        return self.loader.batches(first_step)

    def step(self, step: int, batch: list[Part[LatentSample]], stepper: Stepper) -> StepReport:
        """Forward, backward, update."""
        value, terms = self.fit.step(step, batch, self._losses, stepper)
        if not stepper.reporting:
            return StepReport(value)
        mse, vlb = terms.tolist()
        rate = self.config.fit.rate(step, self.loader.steps_per_epoch)
        return StepReport(value, {"mse": mse, "vlb": vlb, "learning_rate": rate})

    def _losses(self, part: Part[LatentSample]) -> tuple[Tensor, Tensor]:
        randoms = [
            generator(self.config.seed, "diffusion", part.number + row) for row in range(len(part.samples))
        ]
        assert isinstance(self.fit.network, Dit)
        return self._losses_of(self.fit.network, part.samples, randoms, self.config.model.condition_dropout)

    def _losses_of(
        self, model: Dit, samples: Sequence[LatentSample], randoms: Sequence[torch.Generator], dropout: float
    ) -> tuple[Tensor, Tensor]:
        """Mean losses of some windows; every draw for a window comes from its own generator."""
        clean = self._at_scale([sample.window.rollout for sample in samples])
        conditions = self._conditions(samples, randoms, dropout)
        levels = torch.cat([torch.randint(len(self.chain), (1,), generator=random) for random in randoms])
        noise = torch.stack([torch.randn(clean.shape[1:], generator=random) for random in randoms])
        losses = diffusion_losses(
            lambda x, t: model(x, t, conditions).float(),
            self.chain,
            clean,
            levels.to(clean.device),
            noise.to(clean),
            self.weights,
            of_velocity=model.config.predicts == "velocity",
        )
        return losses.total.mean(), torch.stack((losses.mse.mean(), losses.vlb.mean()))

    def _at_scale(self, rollouts: Sequence[Tensor]) -> Float[Tensor, "B C H W"]:
        stacked = torch.stack([rollout.float() for rollout in rollouts]).to(self.team.device)
        return self.facts.normalization.apply(stacked, self.train.size)

    def _conditions(
        self, samples: Sequence[LatentSample], randoms: Sequence[torch.Generator], dropout: float
    ) -> Conditions:
        model = self.config.model
        previous = [
            sample.window.rollout if sample.previous is None else sample.previous for sample in samples
        ]
        conditions = conditions_of(
            model,
            [sample.window for sample in samples],
            self._at_scale(previous),
            [sample.previous is not None for sample in samples],
            self.train.facts.seconds_per_frame,
            self.facts.legacy_driving,
        )
        assert conditions.kept is not None
        kept = torch.stack([kept_at_random(model.conditions > 1, dropout, random) for random in randoms])
        return replace(conditions, kept=conditions.kept & kept).to(self.team.device)

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """The loss on held-out windows, and pictures of samples."""
        model = self.fit.best_network
        assert isinstance(model, Dit)
        model.eval()
        chosen = evenly_chosen(len(self.test), self.config.test_windows)
        sums = torch.zeros(3, device=self.team.device)
        for place in range(self.team.rank, len(chosen), self.team.size):
            sample = self._sample(self.test, chosen[place])
            random = generator(_TEST_SEED, "held-out diffusion", chosen[place])
            with self.fit.autocast():
                total, terms = self._losses_of(model, [sample], [random], 0.0)
            sums += torch.stack((total, *terms))
        total, mse, vlb = (self.team.sum(sums) / max(1, len(chosen))).tolist()
        numbers = {"loss": total, "mse": mse, "vlb": vlb} if chosen else {}
        return Evaluation(numbers, self._pictures(model) if self.team.leads else {})

    def _pictures(self, model: Dit) -> Mapping[str, UInt8[Tensor, "H W 3"]]:
        """Samples under the conditions of held-out windows."""
        if self.vae is None or not self.config.pictures:
            return {}
        split = self.test if len(self.test) else self.train
        chosen = evenly_chosen(len(split), self.config.pictures)
        samples = [self._sample(split, index) for index in chosen]
        conditions = self._conditions(
            samples, [generator(_TEST_SEED, "pictures", row) for row in chosen], 0.0
        )
        sampler = SceneSampler(
            self.vae, LoadedDit(model, self.facts), self.config.sampling, self.config.fit.precision
        )
        scenes = sampler.scenes(sampler.rollouts(_TEST_SEED, chosen, conditions))
        return {
            f"samples/{index:05d}": strip(Occupancy(scene, self.vae.classes, self.vae.grid))
            for index, scene in zip(chosen, scenes, strict=True)
        }

    def state_dict(self) -> dict[str, Any]:
        """Weights, averages and optimiser."""
        return self.fit.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.fit.load_state_dict(state)


def _balanced(size: LatentSize) -> Float[Tensor, "H W"]:
    """Weights of cells that add up to one on each plane."""
    ids = plane_ids(size)
    return (1 / ids.flatten().bincount())[ids] * (ids > 0)


def strip(scene: Occupancy) -> UInt8[Tensor, "H W 3"]:
    """The first, a middle and the last frame from above."""
    frames = (0, len(scene) // 2, len(scene) - 1)
    return torch.cat([torch.as_tensor(bird_eye(scene, frame)) for frame in frames], 1)
