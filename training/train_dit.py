"""`train.py dit`: the diffusion transformer, from latents to a weight file.

On several GPUs: `torchrun --nproc-per-node 4 train.py dit ...`.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from core import cli
from core.distributed import Team, joined
from core.errors import UserError
from core.progress import quiet_unless, say
from core.randomness import generator
from core.run_folder import RunFolder
from core.serialization import config_to_json, differences
from generation.dit import Dit
from generation.dit.checkpoints import DitFacts, load_dit, save_dit
from generation.driving_conditions import check_conditions
from generation.latents import LatentSplit, read_facts
from generation.normalization import Normalization
from generation.vae.checkpoints import LoadedVae, load_vae
from training.dit import DitTask, DitTraining
from training.loop import FitResult
from training.runs import is_same_run
from training.sample_batches import with_evaluations
from training.team_runs import fit_as_team

METHOD = "dit"


@dataclass(frozen=True)
class TrainDit:
    """Train the transformer that draws new scenes, on latents of an autoencoder.

    Repeated, the command continues a run that was stopped. The weights are written to
    RUN/network/iteration_N.safetensors.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """Latents, as `python -m generation.encode` writes them."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: DitTraining = DitTraining()
    """The training."""


def train_dit(source: Path, model_path: Path, config: DitTraining) -> FitResult:
    """Train, or go on training.

    Args:
        source: see `TrainDit`.
        model_path: the run's folder.
        config: the training.

    Raises:
        UserError: latents or weights cannot be read or do not go together, the folder holds another run, a
            file cannot be written, or the loss keeps being non-finite.
    """
    with joined() as team, quiet_unless(team.leads):
        return _train(source, RunFolder(model_path), config, team)


def _train(source: Path, folder: RunFolder, config: DitTraining, team: Team) -> FitResult:
    identity = identity_of(source, config)
    is_same_run(folder, identity)  # before anything is read
    train, test = LatentSplit(source, "train"), LatentSplit(source, "test")
    config = with_sizes(config, train)
    check_conditions(config.model, train)
    say(f"{len(train)} windows to learn from, {len(test)} to score on")
    facts = DitFacts(
        vae=train.facts.vae,
        step=None,
        normalization=Normalization.of(train)
        if config.normalize
        else Normalization.none(train.facts.channels),
        legacy_driving=config.legacy_driving,
    )
    model = make_dit(config).to(team.device)
    task = DitTask(config, model, train, test, facts, team, vae_of(config, train, team))
    learning = sum(parameter.numel() for parameter in task.fit.learning)
    say(f"{learning:,} weights learn in {task.schedule.iterations} steps on {team.size} x {team.device.type}")
    every = max(1, round(config.evaluation_epochs * task.loader.steps_per_epoch))
    loop = with_evaluations(config.loop, every, task.schedule.iterations)

    def save(own: RunFolder, step: int) -> None:
        best = task.fit.best_network
        assert isinstance(best, Dit)
        save_dit(own.path / "network" / f"iteration_{step}.safetensors", best, replace(facts, step=step))

    return fit_as_team(task, folder, identity, loop, team, save=save)


def identity_of(source: Path, config: DitTraining) -> dict[str, Any]:
    """What `config.json` holds: a run is this.

    Raises:
        UserError: there are no latents.
    """
    latents = config_to_json(read_facts(source))
    del latents["vae_path"]  # the same weights may have moved
    told = {"source_path": str(source.absolute()), "latents": latents}
    return {"method": METHOD, **told, "config": config_to_json(config)}


def with_sizes(config: DitTraining, latents: LatentSplit) -> DitTraining:
    """The training with the sizes of the latents.

    Raises:
        UserError: there are no windows.
    """
    if not len(latents):
        raise UserError(f"{latents.folder} has no windows to learn from")
    facts = latents.facts
    sizes = {"latent": facts.size, "channels": facts.channels, "frames": facts.frames}
    return replace(config, model=replace(config.model, **sizes))


def make_dit(config: DitTraining) -> Dit:
    """The network at the start, on the CPU.

    Raises:
        UserError: the weights to begin with cannot be read, or are of another configuration; or the
            planes have an odd number of cells.
    """
    if config.pretrained is not None:
        model = load_dit(config.pretrained).model
        found = differences(config_to_json(model.config), config_to_json(config.model))
        if found:
            told = ", ".join(f"{key} is {old} there and {new} here" for key, (old, new) in found.items())
            raise UserError(f"{config.pretrained} holds another network ({told})")
        return model
    return Dit(config.model, generator(config.seed, "weights"))


def vae_of(config: DitTraining, latents: LatentSplit, team: Team) -> LoadedVae | None:
    """The autoencoder for pictures of samples, where it can be had.

    Raises:
        UserError: the one that was named cannot be read, or wrote other latents.
    """
    path = config.vae or Path(latents.facts.vae_path)
    if config.vae is None and not path.exists():
        say(f"{path}, which wrote the latents, is not there; evaluations have no pictures without --vae")
        return None
    loaded = load_vae(path)
    if loaded.fingerprint != latents.facts.vae:
        raise UserError(
            f"{path} is not the autoencoder that wrote {latents.folder}: its weights are "
            f"{loaded.fingerprint}, those were {latents.facts.vae}; encode anew, or give the right one "
            "by --vae"
        )
    return replace(loaded, network=loaded.network.to(team.device))
