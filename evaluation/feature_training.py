"""Training of the feature network: a fixed number of steps from a fixed seed on the reference sequences."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from core.progress import Progress
from core.randomness import generator
from evaluation.feature_network import Description, FeatureNetwork, tensor_fingerprint
from scene.occupancy.frequencies import class_weights
from scene.occupancy.sequence import Occupancy

_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class FeatureTraining:
    """How a feature network is trained. Another setting makes another network, with other numbers."""

    steps: int = 200
    """Of the optimiser."""
    batch: int = 8
    """Pairs of frames in a step."""
    learning_rate: float = 3e-3
    """At its highest; it rises over the first tenth and falls along a cosine to 0."""
    channels: int = 64
    """Numbers of a cell; a sequence has twice as many features."""
    seed: int = 0
    """Of the first weights and of what is drawn."""

    def __post_init__(self) -> None:
        if self.steps < 0 or min(self.batch, self.channels) < 1:
            raise ValueError(
                f"steps {self.steps}, batch {self.batch}, channels {self.channels}: numbers from 0, 1 and 1 "
                "on were expected"
            )


def train_features(
    sequences: Sequence[Occupancy], settings: FeatureTraining = FeatureTraining()
) -> FeatureNetwork:
    """A feature network of these sequences.

    Args:
        sequences: of the same classes and voxels; sizes and lengths may differ.
        settings: of the training.

    Raises:
        ValueError: there are no sequences.
    """
    if not sequences:
        raise ValueError("a feature network needs sequences to be trained on")
    device = sequences[0].classes.device
    network = _initial(describe(sequences, settings), settings.seed).to(device)
    weights = _class_weights(sequences, network.description.classes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=max(settings.steps, 2), pct_start=0.1
    )
    with Progress(settings.steps, label="feature network") as progress:
        for step in range(settings.steps):
            pairs = _batch(sequences, settings, step)
            loss = F.cross_entropy(network(pairs), pairs.long(), weights)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            progress.show({"loss": float(loss.detach())})
            progress.advance()
    return _scaled(network.eval(), sequences)


def describe(sequences: Sequence[Occupancy], settings: FeatureTraining) -> Description:
    """The description of the network that these sequences and settings make."""
    first = sequences[0]
    return Description(
        class_set=first.class_set.name,
        classes=len(first.class_set),
        voxel_m=first.grid.voxel_m,
        seconds_per_frame=first.seconds_per_frame,
        channels=settings.channels,
        seed=settings.seed,
        steps=settings.steps,
        sequences=len(sequences),
        data_fingerprint=tensor_fingerprint([each.classes for each in sequences]),
    )


def _initial(description: Description, seed: int) -> FeatureNetwork:
    """First weights by the seed alone, whatever random numbers the caller has drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FeatureNetwork(description)


def _batch(
    sequences: Sequence[Occupancy], settings: FeatureTraining, step: int
) -> UInt8[Tensor, "B 2 X Y Z"]:
    """Pairs of consecutive frames, all of sequences that have the size of the first that is drawn."""
    drawn = generator(settings.seed, "pairs of the feature network", step)
    order = torch.randint(len(sequences), (settings.batch,), generator=drawn).tolist()
    size = sequences[order[0]].grid.size
    pairs = []
    for sequence in (sequences[i] for i in order if sequences[i].grid.size == size):
        frame = int(torch.randint(max(len(sequence) - 1, 1), (), generator=drawn))
        pairs.append(sequence.classes[[frame, min(frame + 1, len(sequence) - 1)]])
    return torch.stack(pairs)


def _class_weights(sequences: Sequence[Occupancy], classes: int) -> Float[Tensor, "K"]:
    counts = [each.classes.flatten().long().bincount(minlength=classes) for each in sequences]
    return class_weights(torch.stack(counts).sum(0)).float()


@torch.no_grad()
def _scaled(network: FeatureNetwork, sequences: Sequence[Occupancy]) -> FeatureNetwork:
    """The network with the mean and the deviation of its features over the training set."""
    rows = torch.stack([network.summarise(each.classes) for each in sequences])
    network.centre.copy_(rows.mean(0))
    deviation = rows.std(0, correction=0)
    network.deviation.copy_(torch.where(deviation > _LEAST_DEVIATION, deviation, torch.ones_like(deviation)))
    return network
