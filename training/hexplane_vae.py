"""Training the HexPlane VAE: occupancy windows in, the same windows out.

Source: Bian et al., "DynamicCity", 2025, section 4.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from core.distributed import Team
from core.randomness import generator
from core.schedules import Schedule
from evaluation.occupancy_scores import ConfusionCounts
from generation.vae.config import HexplaneVaeConfig
from generation.vae.losses import VaeLossConfig, vae_losses
from generation.vae.model import HexplaneVae, Posterior
from scene.occupancy.classes import ClassSet
from scene.occupancy.pictures import bird_eye
from scene.occupancy.sequence import Occupancy
from scene.occupancy.windows import Windows, augment, draw_augmentation
from training.loop import LoopConfig
from training.network_fit import NetworkFit, NetworkFitConfig
from training.sample_batches import Part, SampleLoader, evenly_chosen
from training.task import Evaluation, Stepper, StepReport

PICTURES = 4
"""Held-out windows shown with an evaluation."""


@dataclass(frozen=True)
class WindowConfig:
    """Which windows are cut out of scenes; as long as the network's frames."""

    skip: int = 0
    """Frames left out between two of a window."""
    stride: int = 1
    """Frames from the start of a window to the start of the next."""
    augment: float = 0.0
    """Share of training windows that are mirrored or run backwards."""
    data_length: int = -1
    """Training windows used; -1 = all."""
    test_windows: int = 0
    """Held-out windows to score on, evenly spread; 0 = all."""

    def __post_init__(self) -> None:
        if self.skip < 0 or self.stride < 1 or self.test_windows < 0:
            raise ValueError(
                f"skip {self.skip}, stride {self.stride}, test_windows {self.test_windows}: numbers from 0, "
                "1 and 0 on were expected"
            )
        if self.data_length < 1 and self.data_length != -1:
            raise ValueError(f"data_length: -1 or a number from 1 on was expected, got {self.data_length}")
        if not 0 <= self.augment <= 1:
            raise ValueError(f"augment: a share from 0 to 1 was expected, got {self.augment}")


@dataclass(frozen=True)
class VaeTraining:
    """How the autoencoder is trained; the defaults are DynamicCity's for CarlaSC."""

    seed: int = 0
    """Of the initial weights, the order of the windows and all draws; not negative."""
    model: HexplaneVaeConfig = HexplaneVaeConfig()
    """The network."""
    pretrained: Path | None = None
    """Weights to begin with, of an autoencoder of the same configuration; None = new ones."""
    windows: WindowConfig = WindowConfig()
    """What it sees."""
    class_weights: Literal["published", "counted", "none"] = "published"
    """Weights of the cross-entropy: by CarlaSC's published counts, by counts of these training scenes, or all
    alike."""
    class_weight_power: float = 1 / 3
    """Weights are the classes' rarity to this power; the published one is a cube root."""
    fit: NetworkFitConfig = NetworkFitConfig(rate_schedule="steps", precision="float16")
    """The optimisation."""
    loss: VaeLossConfig = VaeLossConfig()
    """What is minimised."""
    loop: LoopConfig = LoopConfig(test_iterations=(), save_iterations=())
    """When to report and save; scores follow every epoch too."""


class VaeTask:
    """Learns to write windows as planes and to read them back.

    Args:
        config: the training.
        network: on the team's device.
        train: windows to learn from.
        test: windows to score on.
        weights: of the classes in the cross-entropy.
        team: the processes.

    Raises:
        UserError: the batch size does not divide into processes and parts.
    """

    def __init__(
        self,
        config: VaeTraining,
        network: HexplaneVae,
        train: Windows,
        test: Windows,
        weights: Float[Tensor, " K"],
        team: Team,
    ) -> None:
        self.config = config
        self.network = network
        self.train = train
        self.test = test
        self.weights = weights.to(team.device)
        self.team = team
        length = config.windows.data_length
        self.loader = SampleLoader(
            len(train) if length < 0 else min(length, len(train)),
            self._load,
            batch_size=config.fit.batch_size,
            accumulate=config.fit.accumulate,
            seed=config.seed,
            team=team,
            threads=config.fit.loaders,
        )
        epoch = self.loader.steps_per_epoch
        self.schedule = Schedule(config.fit.steps(epoch), scaled=False)
        self.fit = NetworkFit(network, config.fit, epoch, config.seed, team)

    def _load(self, index: int, random: torch.Generator) -> UInt8[Tensor, "T X Y Z"]:
        window = self.train[index]
        bits = draw_augmentation(random, self.config.windows.augment)
        return augment(window, bits).classes if bits else window.classes

    def batches(self, first_step: int) -> Iterator[list[Part[UInt8[Tensor, "T X Y Z"]]]]:
        """This process's part of every step."""
        return self.loader.batches(first_step)

    def step(self, step: int, batch: list[Part[UInt8[Tensor, "T X Y Z"]]], stepper: Stepper) -> StepReport:
        """Forward, backward, update."""
        kl_share = self.config.loss.kl_share(step)
        value, terms = self.fit.step(step, batch, lambda part: self._losses(part, kl_share), stepper)
        if not stepper.reporting:
            return StepReport(value)
        entropy, lovasz, kl = terms.tolist()
        rate = self.config.fit.rate(step, self.loader.steps_per_epoch)
        return StepReport(
            value, {"cross_entropy": entropy, "lovasz": lovasz, "kl": kl, "learning_rate": rate}
        )

    def _losses(self, part: Part[UInt8[Tensor, "T X Y Z"]], kl_share: float) -> tuple[Tensor, Tensor]:
        voxels = torch.stack(part.samples).to(self.team.device)
        posterior = self.network.encode(voxels)
        scores = self.network.decode(self._drawn(posterior, part.number))
        losses = vae_losses(scores, voxels, posterior, self.weights)
        value = losses.total(self.config.loss, kl_share)
        return value, torch.stack((losses.cross_entropy, losses.lovasz, losses.kl))

    def _drawn(self, posterior: Posterior, number: int) -> dict[str, Tensor]:
        """Planes at random; what is drawn for a sample does not depend on those beside it."""
        samples = len(posterior.mean["xy"])
        randoms = [generator(self.config.seed, "posterior", number + row) for row in range(samples)]
        drawn: dict[str, Tensor] = {}
        for plane, mean in posterior.mean.items():
            noise = torch.stack([torch.randn(mean.shape[1:], generator=random) for random in randoms])
            drawn[plane] = mean + (0.5 * posterior.log_variance[plane]).exp() * noise.to(mean)
        return drawn

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """Score held-out windows by IoU; each is seen once, by one of the processes."""
        network = self.fit.best_network
        assert isinstance(network, HexplaneVae)
        network.eval()
        chosen = evenly_chosen(len(self.test), self.config.windows.test_windows)
        counts = ConfusionCounts.none(self.config.model.num_classes).as_tensor().to(self.team.device)
        pictures: dict[str, UInt8[Tensor, "H W 3"]] = {}
        for place in range(self.team.rank, len(chosen), self.team.size):
            window = self.test[chosen[place]]
            with self.fit.autocast():
                rebuilt = self.reconstruct(network, window)
            counts += self._counts(window, rebuilt).as_tensor().to(counts)
            if len(pictures) < PICTURES:
                pictures[f"test/{chosen[place]:05d}"] = side_by_side(window, rebuilt)
        total = ConfusionCounts.from_tensor(self.team.sum(counts).cpu())
        return Evaluation(scores_of(total, self.test.place(0)[0].class_set), pictures)

    def reconstruct(self, network: HexplaneVae, window: Occupancy) -> Occupancy:
        """A window through the bottleneck and back."""
        voxels = window.classes[None].to(self.team.device)
        return replace(window, classes=network.classes(network.encode(voxels).mean)[0].cpu())

    def _counts(self, window: Occupancy, rebuilt: Occupancy) -> ConfusionCounts:
        return ConfusionCounts.of(
            rebuilt.classes, window.classes, window.invalid, classes=self.config.model.num_classes
        )

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimiser."""
        return self.fit.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.fit.load_state_dict(state)


def scores_of(counts: ConfusionCounts, classes: ClassSet) -> dict[str, float]:
    """What is reported of counts, in percent: mean and binary IoU, and each class's that occurs."""
    by_class = counts.class_iou.tolist()
    present = counts.present.tolist()
    each = {
        f"iou_{name.replace(' ', '_')}": iou
        for name, iou, occurs in zip(classes.names, by_class, present, strict=True)
        if occurs
    }
    return {"miou": counts.miou, "iou": counts.iou, **each}


def side_by_side(window: Occupancy, rebuilt: Occupancy) -> UInt8[Tensor, "H W 3"]:
    """The last frame from above, as it is and as it came back."""
    last = len(window) - 1
    return torch.cat([torch.as_tensor(bird_eye(each, last)) for each in (window, rebuilt)], 1)
