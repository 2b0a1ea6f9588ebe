"""Runs scored, with all files that scores are written to."""

from collections.abc import Sequence

from core.errors import UserError
from core.folders import remove
from core.progress import Progress, say
from core.run_folder import RunFolder
from evaluation.ground_truth import GroundTruth
from evaluation.held_out_masks import write_held_out_masks
from evaluation.lpips import Lpips
from evaluation.report import write_report
from evaluation.scoring import check_is_run, count_views, rendered_iterations, score_run, write_scores
from evaluation.sequences import SCORES_FILE, name_of, score_sequence, write_sequence
from evaluation.tables import Row


def score_runs(folders: Sequence[RunFolder], lpips: Lpips | None, truth: GroundTruth) -> list[Row]:
    """Score runs; write results.json, per_view.json and report.html, and scores.json where it was a video.

    Args:
        folders: of the runs.
        lpips: the metric with its weights, or None to do without.
        truth: of runs on videos.

    Raises:
        UserError: a folder is no run, has not been rendered, a file is broken, or the truth does not fit.
    """
    for folder in folders:
        check_is_run(folder)
        annotation = truth.of(name_of(folder)).masks
        for iteration in rendered_iterations(folder, "test"):
            if write_held_out_masks(folder, iteration, annotation) is None and not truth.is_empty:
                raise UserError(
                    f"{folder.path} is no run on a video; --gt-masks and the like do not go with it"
                )
    rows = []
    with Progress(sum(count_views(folder) for folder in folders), label="scoring") as progress:
        for folder in folders:
            methods = score_run(folder, lpips, on_view=progress.advance)
            write_scores(folder, methods)
            sequence = score_sequence(folder, methods, lpips, truth.of(name_of(folder)))
            if sequence is None:
                remove(folder.path / SCORES_FILE)
            else:
                write_sequence(folder, sequence)
                say(f"{sequence.sequence}: static pixels count, masks of held-out views: {sequence.masks}")
            write_report(folder)
            rows.append(Row(folder, methods))
    return rows
