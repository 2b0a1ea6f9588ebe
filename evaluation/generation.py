"""Scores of generated occupancy: `python -m evaluation.generation REFERENCE GENERATED -o report.json`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core import cli
from core.errors import UserError
from core.files import write_json
from core.progress import say
from evaluation.feature_network import FeatureNetwork, load_network, save_network
from evaluation.feature_training import FeatureTraining, train_features
from evaluation.generation_report import report, table
from evaluation.occupancy_features import load_picture_network
from evaluation.occupancy_windows import Window, check_alike, cut, read_reference, read_windows, shortest

_LEAST_SEQUENCES = 4  # precision and recall look at three neighbours


@dataclass(frozen=True)
class ScoreGeneration:
    """Score generated sequences of occupancy against recorded ones.

    Both are cut into sequences of one length that do not overlap. FID and the like depend on the network that
    makes the features: they compare with other reports only where its fingerprint and the numbers of
    sequences are the same.
    """

    reference: Annotated[Path, tyro.conf.Positional]
    """Folder of CarlaSC, whose training scenes are taken, or of recorded sequences as .npz archives."""
    generated: Annotated[Path, tyro.conf.Positional]
    """Folder of generated sequences, likewise."""
    out: Annotated[Path | None, cli.flag("-o")] = None
    """Write all numbers to this JSON file."""
    network: Path | None = None
    """The feature network; by default `features.safetensors` in the reference folder."""
    train_features: bool = False
    """Train the feature network on the reference if the file is not there."""
    training: FeatureTraining = FeatureTraining()
    """How it is trained."""
    pictures: Path | None = None
    """A TorchScript file from uint8 images [N,3,H,W] to features, for scores of pictures from above."""
    frames: int | None = None
    """Of each sequence; by default as many as the shortest generated file has."""
    skip: int = 0
    """Frames left out between two of a sequence of CarlaSC's, as in the windows that were learned."""
    most: int = 1000
    """Sequences of each set, evenly chosen where there are more."""
    most_motions: int = 200
    """Sequences of each set whose motion is estimated; those with a command all are."""

    def __post_init__(self) -> None:
        if self.most < _LEAST_SEQUENCES or self.most_motions < 1:
            raise UserError(f"--most {self.most}, --most-motions {self.most_motions}: 4 and 1 are the least")
        if (self.frames is not None and self.frames < 1) or self.skip < 0:
            raise UserError(f"--frames {self.frames} --skip {self.skip}: from 1 and from 0 on were expected")


def score(command: ScoreGeneration) -> None:
    """Run the command.

    Raises:
        UserError: a folder has too few sequences, they are of different kinds, or the network is missing.
    """
    pictures = None if command.pictures is None else load_picture_network(command.pictures)
    files = read_windows(command.generated, command.most)
    frames = command.frames or shortest(files)
    generated = cut(files, frames, command.most)
    reference = read_reference(command.reference, frames, command.most, command.skip)
    for folder, windows in ((command.reference, reference), (command.generated, generated)):
        if len(windows) < _LEAST_SEQUENCES:
            raise UserError(
                f"{folder} has {len(windows)} sequences of {frames} frames; at least {_LEAST_SEQUENCES} were "
                "expected; add files or choose a smaller --frames"
            )
    check_alike([*reference, *generated])
    network = _network(command, reference)
    numbers = report(
        reference,
        generated,
        network,
        pictures,
        command.most_motions,
        command.training.seed,
    )
    if command.out is not None:
        write_json(command.out, numbers)
    sys.stdout.write(table(numbers) + "\n")


def _network(command: ScoreGeneration, reference: Sequence[Window]) -> FeatureNetwork:
    path = command.network or command.reference / "features.safetensors"
    if path.is_file():
        return load_network(path)
    if not command.train_features:
        raise UserError(
            f"{path} does not exist; name a feature network by --network, or train one on the reference by "
            "--train-features"
        )
    network = train_features([each.occupancy for each in reference], command.training)
    save_network(path, network)
    say(f"{path}: feature network {network.fingerprint}, trained on {len(reference)} sequences")
    return network


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(score, ScoreGeneration, args=args, prog="python -m evaluation.generation")


if __name__ == "__main__":
    sys.exit(main())
