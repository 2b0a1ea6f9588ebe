"""What generated towns are worth: samplers against one another, scenes of mixed planes, and commands.

    python -m benchmarks.bench_generation --data TOWNS --latents LATENTS --vae VAE.safetensors \
        --dit DIT.safetensors --work FOLDER --out benchmarks/results/generation.json

Sets of scenes are written as files and scored with one feature network, which is trained on the reference:
held-out scenes through the autoencoder and back, scenes whose six planes come from six scenes each,
and samples.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import write_result
from core import cli
from core.progress import say
from core.randomness import generator
from evaluation.feature_network import FeatureNetwork, load_network, save_network
from evaluation.feature_training import FeatureTraining, train_features
from evaluation.generation_report import report, table
from evaluation.occupancy_windows import Window, read_reference, read_windows
from generation import sample
from generation.diffusion import SamplingConfig
from generation.latents import LatentSplit
from generation.rollout import unroll
from generation.vae.checkpoints import LoadedVae, load_vae
from generation.wishes import Wishes
from scene.occupancy.files import write_occupancy
from scene.occupancy.sequence import Occupancy

SAMPLERS = {
    "dpm++ 50": SamplingConfig(sampler="dpm++", steps=50, guidance=1.0),
    "dpm++ 20": SamplingConfig(sampler="dpm++", steps=20, guidance=1.0),
    "ddim 50": SamplingConfig(sampler="ddim", steps=50, guidance=1.0),
    "ddpm 250": SamplingConfig(sampler="ddpm", steps=250, spacing="time", guidance=1.0),
    "ddpm 1000": SamplingConfig(sampler="ddpm", steps=1000, guidance=1.0),
}


@dataclass(frozen=True)
class BenchGeneration:
    """Draw sets of scenes and score them."""

    data: Path
    """The data set that the autoencoder was trained on."""
    latents: Path
    """Its latents."""
    vae: Path
    """Weights of the autoencoder."""
    dit: Path
    """Weights of the transformer."""
    work: Path
    """Folder for the sets; those that are there are not drawn again."""
    count: int = 128
    """Scenes of a set."""
    commanded: int = 64
    """Scenes drawn for each command."""
    guidance: float = 4.0
    """Of the scenes drawn for commands."""
    reference: int = 1000
    """Most sequences of the reference."""
    skip: tuple[str, ...] = ()
    """Sets that are left out."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchGeneration) -> None:
    """Draw, score, tell."""
    vae = load_vae(command.vae)
    train, test = LatentSplit(command.latents, "train"), LatentSplit(command.latents, "test")
    seconds: dict[str, float] = {}

    def make(name: str, write: Callable[[Path], object]) -> None:
        folder = command.work / name.replace(" ", "_")
        if name in command.skip or folder.exists():
            return
        started = time.perf_counter()
        write(folder)
        seconds[name] = time.perf_counter() - started
        say(f"{name}: {seconds[name]:.1f} s")

    make("held out, rebuilt", lambda folder: _rebuilt(vae, test, folder, command.count, mixed=False))
    make("planes mixed", lambda folder: _rebuilt(vae, train, folder, command.count, mixed=True))
    for name, sampling in SAMPLERS.items():
        make(name, lambda folder, sampling=sampling: _sampled(command, folder, command.count, sampling))
    guided = SamplingConfig(guidance=command.guidance)
    make(
        "commands",
        lambda folder: _sampled(command, folder, 4 * command.commanded, guided, Wishes(command="cycle")),
    )
    folders = sorted(path for path in command.work.iterdir() if path.is_dir())
    frames = vae.network.config.frames
    reference = read_reference(command.data, frames, command.reference, train.facts.skip)
    network = _network(command.work / "features.safetensors", reference)
    results: dict[str, Any] = {}
    for folder in folders:
        numbers = report(reference, read_windows(folder, 10**6), network, most_motions=64)
        numbers["seconds"] = seconds.get(folder.name.replace("_", " "))
        results[folder.name.replace("_", " ")] = numbers
        print(f"\n{folder.name}\n{table(numbers)}", flush=True)
    if command.out is not None:
        write_result(command.out, {"command": "benchmarks.bench_generation", "sets": results})


def _sampled(
    command: BenchGeneration, folder: Path, count: int, sampling: SamplingConfig, wishes: Wishes | None = None
) -> None:
    wanted = sample.SampleCommand(
        command.vae, command.dit, folder, count, batch_size=16, sampling=sampling, precision="bfloat16",
        wishes=wishes or Wishes(),
    )  # fmt: skip
    sample.sample_scenes(wanted)


def _rebuilt(vae: LoadedVae, latents: LatentSplit, folder: Path, count: int, *, mixed: bool) -> None:
    """Scenes decoded from latents of windows at random, or from planes of six windows each."""
    random = generator(0, "mixed planes" if mixed else "rebuilt")
    for number in range(count):
        rows = torch.randint(len(latents), (6,), generator=random).tolist()
        planes: dict[str, Tensor] = {}
        for row, plane in zip(rows, ("xy", "xz", "yz", "tx", "ty", "tz"), strict=True):
            source = latents[row if mixed else rows[0]].rollout[None].float()
            planes[plane] = unroll(source, latents.size)[plane]
        scene = Occupancy(
            vae.network.classes(planes)[0], vae.classes, vae.grid, seconds_per_frame=vae.seconds_per_frame
        )
        write_occupancy(folder / f"{number:05d}.npz", scene)


def _network(path: Path, reference: list[Window]) -> FeatureNetwork:
    if path.is_file():
        return load_network(path)
    network = train_features([each.occupancy for each in reference], FeatureTraining())
    save_network(path, network)
    return network


def main() -> int:
    """The command line; returns its exit code."""
    return cli.run(bench, BenchGeneration, prog="python -m benchmarks.bench_generation")


if __name__ == "__main__":
    sys.exit(main())
