"""Held-out views of a driving log without any 3D: `python -m evaluation.street_baselines -s LOG --stride 5`.

Three guesses of a view from the pictures of the same camera that would train: the two around it brought
together by optical flow, their blend, and the one before. What a reconstruction cannot beat here is explained
by the video being smooth. Scores and regions are those of a run on the log.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import UInt8
from torch import Tensor

from core import cli
from core.errors import UserError
from core.progress import Progress
from evaluation.flow_interpolation import interpolate
from evaluation.street_scores import COLUMNS, NOTE, KnownView, score_street_view, summary
from evaluation.tables import markdown_table, write_table
from scene.capture import Capture
from scene.datasets import open_log
from scene.datasets.street_options import StreetOptions
from scene.splits import Split, split_frames

Picture = UInt8[Tensor, "H W 3"]


@dataclass(frozen=True)
class StreetBaselines:
    """Score guesses at the held-out views of a driving log that need no 3D."""

    source: Annotated[Path, cli.flag("-s", "--source-path")]
    """Folder of the log."""
    stride: int = 10
    """Every so many frames all views are held out, as in training."""
    log: StreetOptions = StreetOptions()
    """Which frames and cameras, and at what size."""
    out: Path | None = None
    """File for the table: Markdown, or numbers where its name ends in .json; by default it is printed."""


@dataclass(frozen=True)
class Neighbours:
    """A held-out view, and those of its camera that train and are nearest to it in time.

    Args:
        view: row of the capture.
        before: likewise, of the nearest earlier one.
        after: likewise, of the nearest later one.
        at: when it was taken, from 0 at the time of `before` to 1 at that of `after`.
    """

    view: int
    before: int
    after: int
    at: float


def blend(before: Picture, after: Picture, at: float) -> Picture:
    """Two pictures laid over each other, the nearer in time the stronger."""
    mixed = torch.lerp(before.float(), after.float(), at)
    return mixed.round().to(torch.uint8)


BASELINES: Mapping[str, Callable[[Picture, Picture, float], Picture]] = {
    "flow interpolation": interpolate,
    "blend": blend,
    "previous frame": lambda before, _after, _at: before,
}
"""Guesses at a picture from the one before, the one after, and the time between them."""


def find_neighbours(capture: Capture, split: Split) -> list[Neighbours]:
    """The held-out views that lie between two of their camera that train.

    Args:
        capture: of a driving log.
        split: of its views.
    """
    drive = capture.drive
    assert drive is not None  # of a driving log
    found = []
    for view in split.test:
        same = [row for row in split.train if drive.view_cameras[row] == drive.view_cameras[view]]
        time = drive.view_times_s[view]
        before = [row for row in same if drive.view_times_s[row] < time]
        after = [row for row in same if drive.view_times_s[row] > time]
        if before and after:
            start, end = (float(drive.view_times_s[row]) for row in (before[-1], after[0]))
            found.append(Neighbours(view, before[-1], after[0], (float(time) - start) / (end - start)))
    return found


def score_baselines(capture: Capture, chosen: Sequence[Neighbours]) -> dict[str, dict[str, float]]:
    """The summaries of all baselines.

    Raises:
        UserError: a photograph does not decode.
    """
    scores = {name: [] for name in BASELINES}
    with Progress(len(chosen), label="baselines") as progress:
        for each in chosen:
            known = KnownView.of(capture, each.view)
            before, after = capture.images[each.before], capture.images[each.after]
            for name, guess in BASELINES.items():
                picture = guess(before, after, each.at)
                scores[name].append(score_street_view(known, picture / 255))
            progress.advance()
    return {name: summary(views) for name, views in scores.items()}


def run(command: StreetBaselines) -> None:
    """Run the command.

    Raises:
        UserError: the log cannot be read, no view is held out between two that train, or the file cannot be
            written.
    """
    capture = open_log(command.source, command.log)
    split = split_frames(capture, command.stride)
    chosen = find_neighbours(capture, split)
    if not chosen:
        raise UserError(
            f"{command.source}: no view lies between two frames that train with --stride {command.stride}; a "
            "stride from 2 on and below the number of frames was expected"
        )
    found = score_baselines(capture, chosen)
    title = f"{len(chosen)} of {len(split.test)} held-out views"
    text = "\n\n".join([markdown_table(title, list(found.items()), COLUMNS), NOTE]) + "\n"
    write_table(command.out, text, {"views": len(chosen), "held_out": len(split.test), "summary": found})


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(run, StreetBaselines, args=args, prog="python -m evaluation.street_baselines")


if __name__ == "__main__":
    sys.exit(main())
