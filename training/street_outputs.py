"""What a street run ends with: views beside photographs, scores, videos, the report, files for viewers."""

from collections.abc import Mapping
from dataclasses import asdict

from core.files import write_json
from core.folders import atomic_folder
from core.progress import Progress, say
from core.weights import NetworkName
from evaluation.lpips import how_to_get, load_lpips
from evaluation.report import write_street_report
from evaluation.street_scores import SCORES_FILE, KnownView, ViewScores, score_street_view, summary
from training.street_config import OutputConfig
from training.street_videos import write_ply_sequence, write_videos
from training.street_views import TrainedStreet, write_view
from training.viewer_files import street_arguments, write_viewer_files

LPIPS_NETWORK: NetworkName = "alex"
"""Of S3Gaussian's tables, and so of ours."""


def write_street_outputs(street: TrainedStreet, config: OutputConfig) -> None:
    """Write files for viewers, views and scores, what else is asked for, and the report.

    Raises:
        UserError: a file cannot be written, or a photograph does not decode.
    """
    folder, capture, split = street.folder, street.capture, street.split
    arguments = street_arguments(capture.source, folder.path, street.scene.model, bool(split.test))
    write_viewer_files(folder, capture, split.train, split.test, arguments)
    say(format_scores(write_scores(street)))
    if config.videos:
        write_videos(street, config.shift_m)
    if config.ply_sequence:
        write_ply_sequence(street)
    write_street_report(folder)


def format_scores(summaries: Mapping[str, Mapping[str, float]]) -> str:
    """A table of summaries, one line a number."""
    names = list(dict.fromkeys(name for each in summaries.values() for name in each))
    rows = [["", *summaries]]
    for name in names:
        rows.append([name, *(f"{each[name]:.3f}" if name in each else "-" for each in summaries.values())])
    return "\n".join("  ".join(f"{cell:>20}" for cell in row) for row in rows)


def write_scores(street: TrainedStreet, network: NetworkName = LPIPS_NETWORK) -> dict[str, dict[str, float]]:
    """Render the views of both sets beside their photographs, and score them.

    Args:
        street: whose views.
        network: of LPIPS, which is left out, and said so, where its weights are missing.

    Returns:
        The summaries of `test`, if views are held out, and of `train`.
    """
    lpips = load_lpips(network)
    if lpips is None:
        say(how_to_get(network))
    scores: dict[str, list[ViewScores]] = {}
    seconds: list[float] = []
    sets = {"test": street.split.test, "train": street.split.train}
    with Progress(sum(map(len, sets.values())), label="scoring") as progress:
        for name, rows in ((name, rows) for name, rows in sets.items() if rows):
            scores[name] = []
            with atomic_folder(street.folder.path / name / f"ours_{street.iteration}") as written:
                for number, row in enumerate(rows):
                    drawn, taken = write_view(street, row, written, number)
                    known = KnownView.of(street.capture, row)
                    scores[name].append(score_street_view(known, drawn.raw, drawn.moving, lpips))
                    seconds.append(taken)
                    progress.advance()
    found = {name: summary(views) for name, views in scores.items()}
    contents = {
        "iteration": street.iteration,
        "lpips_network": None if lpips is None else network,
        "seconds_per_view": sum(seconds) / len(seconds),
        "summary": found,
        "views": {name: [asdict(view) for view in views] for name, views in scores.items()},
    }
    write_json(street.folder.path / SCORES_FILE, contents)
    return found
