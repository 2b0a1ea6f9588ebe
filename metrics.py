#!/usr/bin/env python
"""Score the rendered views of runs and write their reports: `metrics.py -m RUN [RUN ...]`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.progress import say
from core.run_folder import RunFolder
from evaluation.lpips import NetworkName, how_to_get, load_lpips
from evaluation.runs import score_runs
from evaluation.sequences import GroundTruth
from evaluation.tables import format_table


@dataclass(frozen=True)
class Metrics:
    """PSNR, SSIM and LPIPS of held-out views: one table, and results.json and report.html in each run.

    Of runs on videos static pixels count, and scores.json has all that is known of the sequence.
    """

    model_paths: Annotated[tuple[Path, ...], cli.flag("-m", "--model-path")]
    """Run folders."""
    lpips: NetworkName = "vgg"
    """Network of LPIPS; papers on 3DGS report vgg."""
    gt_masks: Annotated[Path | None, cli.flag("--gt-dynamic-mask")] = None
    """Videos: folder of annotated masks of what moves, one for each frame, or of such folders named as the
    runs. Without it the predicted masks say what is static."""
    gt_trajectory: Path | None = None
    """Videos: the true cameras, a TUM file or a folder of .cam; or a folder of such, named as the runs."""
    gt_depths: Path | None = None
    """Videos: the true depths, a folder of .dpt or .npy; or a folder of such, named as the runs."""
    depth_limit: float = 70.0
    """True depths from here on do not count, as in published numbers for Sintel; in units of the truth."""


def score(command: Metrics) -> None:
    """Run the command and print the table."""
    lpips = load_lpips(command.lpips)
    folders = [RunFolder(path) for path in command.model_paths]
    truth = GroundTruth(command.gt_masks, command.gt_trajectory, command.gt_depths, command.depth_limit)
    rows = score_runs(folders, lpips, truth)
    print(format_table(rows))
    if lpips is None:
        say(how_to_get(command.lpips))


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(score, Metrics, args=args, prog="metrics.py")


if __name__ == "__main__":
    sys.exit(main())
