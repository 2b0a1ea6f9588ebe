"""`train.py vae`: the autoencoder of occupancy, from recorded scenes to a weight file.

On several GPUs: `torchrun --nproc-per-node 4 train.py vae ...`.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import cli
from core.distributed import Team, joined
from core.errors import UserError
from core.progress import quiet_unless, say
from core.randomness import generator
from core.run_folder import RunFolder
from core.serialization import config_to_json, differences
from generation.vae.checkpoints import load_vae, read_score, save_vae
from generation.vae.model import HexplaneVae
from scene.datasets.carlasc import CLASS_WEIGHTS
from scene.datasets.occupancy import open_occupancy
from scene.occupancy.classes import CARLASC
from scene.occupancy.frequencies import class_weights, count_classes
from scene.occupancy.scenes import OccupancyData, OccupancyScene
from scene.occupancy.windows import Windows
from training.hexplane_vae import VaeTask, VaeTraining
from training.loop import FitResult
from training.runs import is_same_run
from training.sample_batches import with_evaluations
from training.task import Evaluation
from training.team_runs import fit_as_team

METHOD = "vae"

COUNTED_EVERY = 10
"""Of so many frames one is counted for the classes' weights; neighbours hold much the same."""


@dataclass(frozen=True)
class TrainVae:
    """Train the autoencoder of occupancy sequences: six planes stand for the voxels of several frames.

    Repeated, the command continues a run that was stopped. The weights are written to RUN/network:
    best.safetensors has the best score, iteration_N.safetensors those of the end.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """Occupancy: a folder of CarlaSC, of our towns, of lidar made into occupancy, or of Occ3D."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: VaeTraining = VaeTraining()
    """The training."""


def train_vae(source: Path, model_path: Path, config: VaeTraining) -> FitResult:
    """Train, or go on training.

    Args:
        source: see `TrainVae`.
        model_path: the run's folder.
        config: the training.

    Raises:
        UserError: the scenes cannot be read or do not suit the network, the folder holds another run, a file
            cannot be written, or the loss keeps being non-finite.
    """
    with joined() as team, quiet_unless(team.leads):
        return _train(source, RunFolder(model_path), config, team)


def _train(source: Path, folder: RunFolder, config: VaeTraining, team: Team) -> FitResult:
    identity = identity_of(source, config)
    is_same_run(folder, identity)  # before anything is read
    data = open_occupancy(source)
    train, test = cut_windows(source, data, config)
    say(
        f"{len(data.train)} scenes with {len(train)} windows to learn from, {len(data.test)} with "
        f"{len(test)} to score on"
    )
    network = make_vae(config).to(team.device)
    task = VaeTask(config, network, train, test, weights_of(config, data), team)
    learning = sum(parameter.numel() for parameter in network.parameters())
    say(f"{learning:,} weights learn in {task.schedule.iterations} steps on {team.size} x {team.device.type}")
    scene = data.train[0]
    best = Best(task, scene, config)
    loop = with_evaluations(config.loop, task.loader.steps_per_epoch, task.schedule.iterations)
    return fit_as_team(task, folder, identity, loop, team, save=best.save, on_evaluation=best.keep)


def identity_of(source: Path, config: VaeTraining) -> dict[str, Any]:
    """What `config.json` holds: a run is this."""
    return {"method": METHOD, "source_path": str(source.absolute()), "config": config_to_json(config)}


def make_vae(config: VaeTraining) -> HexplaneVae:
    """The network at the start, on the CPU.

    Raises:
        UserError: the weights to begin with cannot be read, or are of another configuration.
    """
    if config.pretrained is not None:
        network = load_vae(config.pretrained).network
        found = differences(config_to_json(network.config), config_to_json(config.model))
        if found:
            told = ", ".join(f"{key} is {old} there and {new} here" for key, (old, new) in found.items())
            raise UserError(f"{config.pretrained} holds another network ({told})")
        return network.requires_grad_(True)
    with torch.random.fork_rng([]):
        torch.manual_seed(generator(config.seed, "weights").initial_seed())
        return HexplaneVae(config.model)


def cut_windows(source: Path, data: OccupancyData, config: VaeTraining) -> tuple[Windows, Windows]:
    """The windows to learn from and to score on.

    Args:
        source: where the scenes are, for messages.
        data: the scenes.
        config: the training.

    Raises:
        UserError: the scenes' voxels do not suit the network or cannot be mirrored, or no scene is long
            enough.
    """
    for scene in (*data.train, *data.test):
        check_scene(scene, config)
    cut = config.windows
    for scenes, purpose in ((data.train, "learn from"), (data.test, "score on")):
        if not scenes:
            raise UserError(f"{source} has no scenes to {purpose}; add some, as CarlaSC has Train and Test")
    train, test = (
        Windows(scenes, config.model.frames, cut.skip, stride=cut.stride)
        for scenes in (data.train, data.test)
    )
    return train, test


def check_scene(scene: OccupancyScene, config: VaeTraining) -> None:
    """Raise UserError where a scene's voxels do not suit the network."""
    model = config.model
    if scene.grid.size != model.spatial_size:
        wanted = " ".join(map(str, scene.grid.size))
        raise UserError(
            f"scene {scene.name} has {scene.grid.size} voxels and the network {model.spatial_size}; "
            f"give --spatial-size {wanted}"
        )
    if len(scene.class_set) != model.num_classes:
        raise UserError(
            f"scene {scene.name} has {len(scene.class_set)} classes and the network {model.num_classes}; "
            f"give --num-classes {len(scene.class_set)}"
        )
    if config.windows.augment and not scene.grid.is_centred:
        raise UserError(
            f"scene {scene.name} cannot be mirrored, as the vehicle is not in the middle of its grid; give "
            "--augment 0"
        )


def weights_of(config: VaeTraining, data: OccupancyData) -> Float[Tensor, " K"]:
    """The classes' weights in the cross-entropy.

    Raises:
        UserError: there are no published counts of these classes.
    """
    if config.class_weights == "none":
        return torch.ones(config.model.num_classes)
    classes = data.train[0].class_set
    if config.class_weights == "counted":
        weights = class_weights(count_classes(data.train, every=COUNTED_EVERY))
    elif classes.name == CARLASC.name:
        weights = CLASS_WEIGHTS
    else:
        raise UserError(f"no counts of {classes.name} are published; give --class-weights counted or none")
    return (weights ** (3 * config.class_weight_power)).float()


class Best:
    """Writes weights: those of the end, and those with the best score so far.

    Args:
        task: the training.
        scene: any of the data set.
        config: the training.
    """

    def __init__(self, task: VaeTask, scene: OccupancyScene, config: VaeTraining) -> None:
        self.task = task
        self.scene = scene
        self.skip = config.windows.skip
        self.score: float | None = None

    def save(self, folder: RunFolder, step: int) -> None:
        """Write RUN/network/iteration_N.safetensors."""
        self._write(folder.path / "network" / f"iteration_{step}.safetensors")

    def keep(self, folder: RunFolder, step: int, evaluation: Evaluation) -> None:
        """Write RUN/network/best.safetensors where a score is the best so far."""
        path = folder.path / "network" / "best.safetensors"
        if self.score is None:
            self.score = read_score(path) if path.exists() else -math.inf
        if evaluation.numbers["miou"] > self.score:
            self.score = evaluation.numbers["miou"]
            self._write(path, self.score)

    def _write(self, path: Path, score: float | None = None) -> None:
        network = self.task.fit.best_network
        assert isinstance(network, HexplaneVae)
        seconds = self.scene.seconds_per_frame * (1 + self.skip)
        save_vae(path, network, self.scene.class_set, self.scene.grid, seconds, score)
