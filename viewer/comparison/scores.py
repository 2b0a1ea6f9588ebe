"""Scores of the views that runs have in common, taken in the same way of every run."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from core.progress import Progress
from evaluation import image_metrics
from evaluation.image_metrics import Scores
from scene.images import read_header
from viewer.comparison.matching import CommonView
from viewer.comparison.pictures import in_size, read_pair, size_of, smallest
from viewer.comparison.runs import ComparedRun


@dataclass(frozen=True)
class ComparedScores:
    """Scores of all runs.

    Args:
        views: for each view the scores of the runs, in their order.
        note: how they were taken, in a sentence.
    """

    views: tuple[tuple[Scores, ...], ...]
    note: str

    def mean(self, run: int) -> Scores:
        """Of a run, over the views, each of which counts the same."""
        return image_metrics.mean([scores[run] for scores in self.views])

    def spread(self, view: int) -> float:
        """How far the runs are apart in a view: from the lowest to the highest PSNR, in dB."""
        psnr = [scores.psnr for scores in self.views[view]]
        return max(psnr) - min(psnr)

    def gains(self, run: int) -> list[float]:
        """By how much the PSNR of a run is above that of the first, for each view, in dB."""
        return [scores[run].psnr - scores[0].psnr for scores in self.views]


def compare_scores(runs: Sequence[ComparedRun], views: Sequence[CommonView]) -> ComparedScores:
    """The scores that the runs have stored, where these can be compared; else they are taken anew.

    Raises:
        UserError: an image does not decode, or a rendering and its photograph differ in size.
    """
    reason = _not_comparable(runs, views)
    if reason is None:
        stored = tuple(tuple(each.scores for each in view.of_runs if each.scores) for view in views)
        return ComparedScores(stored, f"Scores are those that the runs have stored, over {runs[0].counted}.")
    with Progress(len(views), label="scoring") as progress:
        measured = []
        for view in views:
            measured.append(_measure(view))
            progress.advance()
    return ComparedScores(
        tuple(measured), f"PSNR and SSIM were taken for this page, over all pixels, as {reason}."
    )


def _not_comparable(runs: Sequence[ComparedRun], views: Sequence[CommonView]) -> str | None:
    """Why stored scores cannot be compared; None if they can."""
    for place, run in enumerate(runs):
        if any(view.of_runs[place].scores is None for view in views):
            return f"{run.letter} has not stored scores of all these views (metrics.py does)"
    if len({run.counted for run in runs}) > 1:
        told = " and ".join(f"{run.counted} in {run.letter}" for run in runs)
        return f"the stored ones count {told}"
    if any(len({read_header(each.render)[:2] for each in view.of_runs}) > 1 for view in views):
        return "the runs were rendered in different sizes, of which the smallest is taken for each view"
    return None


def _measure(view: CommonView) -> tuple[Scores, ...]:
    pairs = [read_pair(each) for each in view.of_runs]
    size = smallest([size_of(render) for render, _ in pairs])
    reduced = ([torch.from_numpy(in_size(image, size)) for image in pair] for pair in pairs)
    return tuple(image_metrics.score(render, photograph, None) for render, photograph in reduced)
