"""`train.py predictor`: the network that says what moves, from videos with known motion to a weight file.

On several GPUs: `torchrun --nproc-per-node 4 train.py predictor ...`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch

from core import cli
from core.distributed import Team, joined
from core.progress import quiet_unless, say
from core.randomness import generator
from core.run_folder import RunFolder
from core.serialization import config_to_json
from dynamic_predictor.network.checkpoints import load_network, network_weights, save_network
from dynamic_predictor.network.dpt import DptConfig
from dynamic_predictor.network.model import Network, NetworkConfig
from scene.datasets.motion_videos import open_motion_videos
from training.loop import FitResult
from training.predictor import PredictorTask, PredictorTraining
from training.runs import is_same_run
from training.team_runs import fit_as_team

METHOD = "predictor"

TINY = NetworkConfig(
    encoder_width=128,
    encoder_depth=2,
    encoder_heads=4,
    decoder_width=128,
    decoder_depth=4,
    decoder_heads=4,
    dpt=DptConfig(level_widths=(32, 32, 64, 64), features=32, last_width=16),
)
"""A network that a processor trains in minutes."""


@dataclass(frozen=True)
class TrainPredictor:
    """Train the network that says what moves in a video.

    Repeated, the command continues a run that was stopped. The weights are written to RUN/network, and
    --predictor das3r --pretrained RUN/network/iteration_N.safetensors uses them.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """PointOdyssey's folder, or a folder of sequences in Sintel's layout, such as procedural videos."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: PredictorTraining = PredictorTraining()
    """The training."""


def train_predictor(source: Path, model_path: Path, config: PredictorTraining) -> FitResult:
    """Train, or go on training.

    Args:
        source: see `TrainPredictor`.
        model_path: the run's folder.
        config: the training.

    Raises:
        UserError: the videos or the weights cannot be read, the folder holds another run, a file cannot be
            written, or the loss keeps being non-finite.
    """
    with joined() as team, quiet_unless(team.leads):
        return _train(source, RunFolder(model_path), config, team)


def _train(source: Path, folder: RunFolder, config: PredictorTraining, team: Team) -> FitResult:
    identity = identity_of(source, config)
    is_same_run(folder, identity)  # before anything is read
    train, test = open_motion_videos(source, config.test_path, config.labels, config.data.z_far)
    say(
        f"{len(train.names)} videos of {sum(train.frame_counts)} frames to learn from, {len(test.names)} of "
        f"{sum(test.frame_counts)} to score on"
    )
    task = PredictorTask(config, make_network(config).to(team.device), train, test, team)
    learning = sum(parameter.numel() for parameter in task.trained.values())
    say(f"{learning:,} weights learn in {task.schedule.iterations} steps on {team.size} x {team.device.type}")
    result = fit_as_team(
        task,
        folder,
        identity,
        config.loop,
        team,
        save=lambda own, step: save_weights(task.network, own, step),
    )
    if result.evaluation is not None:
        say(f"weights are in {folder.path / 'network'}")
    return result


def identity_of(source: Path, config: PredictorTraining) -> dict[str, Any]:
    """What `config.json` holds: a run is this."""
    return {"method": METHOD, "source_path": str(source.absolute()), "config": config_to_json(config)}


def make_network(config: PredictorTraining) -> Network:
    """The network at the start, on the CPU: published weights with new mask heads, or all new.

    Raises:
        UserError: the weights are not there, or are damaged.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(generator(config.seed, "weights").initial_seed())
        if config.pretrained is not None:
            return load_network(config.pretrained, fresh_heads=True)
        if config.network == "tiny":
            return Network(TINY)
        return load_network(network_weights(config.network), fresh_heads=True)


def save_weights(network: Network, folder: RunFolder, step: int) -> None:
    """Write RUN/network/iteration_N.safetensors.

    Raises:
        UserError: the file cannot be written.
    """
    save_network(network, folder.path / "network" / f"iteration_{step}.safetensors")
