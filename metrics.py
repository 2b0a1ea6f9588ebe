#!/usr/bin/env python
"""Score the rendered views of runs and write their reports: `metrics.py -m RUN [RUN ...]`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.errors import UserError
from core.progress import say
from core.run_folder import RunFolder
from evaluation.ground_truth import GroundTruth
from evaluation.lpips import NetworkName, how_to_get, load_lpips
from evaluation.runs import score_runs
from evaluation.tables import format_table
from training.street_runs import is_street, score_street


@dataclass(frozen=True)
class Metrics:
    """PSNR, SSIM and LPIPS of held-out views: one table, and results.json and report.html in each run.

    Of runs on videos static pixels count, and scores.json has all that is known of the sequence. Of runs on
    driving logs the table of street_scores.json is printed, which has LPIPS by AlexNet.
    """

    model_paths: Annotated[tuple[Path, ...], cli.flag("-m", "--model-path")]
    """Run folders."""
    lpips: NetworkName = "vgg"
    """Network of LPIPS; papers on 3DGS report vgg."""
    truth: GroundTruth = GroundTruth()
    """What is known to be true."""


def score(command: Metrics) -> None:
    """Run the command and print the table."""
    streets = [path for path in command.model_paths if is_street(path)]
    if streets and not command.truth.is_empty:
        raise UserError(f"{streets[0]} is a run on a driving log; --gt-masks and the like do not go with it")
    for path in streets:
        print(path, score_street(path), sep="\n")
    folders = [RunFolder(path) for path in command.model_paths if path not in streets]
    lpips = load_lpips(command.lpips) if folders else None
    if folders:
        print(format_table(score_runs(folders, lpips, command.truth)))
    if folders and lpips is None:
        say(how_to_get(command.lpips))


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(score, Metrics, args=args, prog="metrics.py")


if __name__ == "__main__":
    sys.exit(main())
