"""What a report is about, gathered from the files of a run folder. What is missing is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from core.errors import UserError
from core.files import read_json
from core.images import read_image
from core.run_folder import RunFolder, ViewSet
from core.scalars import read_lines
from evaluation import image_metrics
from evaluation.image_metrics import Scores
from evaluation.report.document import Origin
from evaluation.report.video_facts import VideoFacts, gather_video
from evaluation.run_cost import RunCost, read_cost
from evaluation.scoring import (
    MethodScores,
    check_is_run,
    image_pairs,
    read_scores,
    rendered_iterations,
)
from evaluation.static_scores import masks_folder

_TRAINING_VIEWS = 3  # shown where no view was held out


@dataclass(frozen=True)
class ViewFiles:
    """A view on the disk.

    Args:
        name: of its photograph, as people know it.
        render: rendering.
        photograph: of the same size.
        depth: depth as colours, if it was written.
        scores: of the rendering.
        mask: where something moves, if that is known.
        moving: what moves by itself, on black, if it was written.
        more: further scores in words.
    """

    name: str
    render: Path
    photograph: Path
    depth: Path | None
    scores: Scores
    mask: Path | None = None
    moving: Path | None = None
    more: str = ""


@dataclass(frozen=True)
class RunFacts:
    """A run, for people.

    Args:
        folder: of the run.
        origin: where it comes from.
        log: scalars by step.
        cost: time and memory.
        scores: of the last iteration that was scored; of a video from refined poses, where there are any.
        methods: what is known of that iteration; of a video a method for each way to draw it.
        views: with pictures: the held-out ones, or a few that trained where none was held out.
        views_are: which of the two.
        video: what is known of the video; None for a run on something else.
    """

    folder: RunFolder
    origin: Origin
    log: Sequence[Mapping[str, int | float]]
    cost: RunCost
    scores: MethodScores | None
    methods: Sequence[MethodScores]
    views: Sequence[ViewFiles]
    views_are: ViewSet
    video: VideoFacts | None = None

    @property
    def iteration(self) -> int | None:
        """How long the run has been trained."""
        steps = [int(line["step"]) for line in self.log]
        return max(steps) if steps else self.scores.iteration if self.scores else None

    @property
    def seconds(self) -> float | None:
        """How long the training took; None if nobody wrote it down."""
        told = self.cost.training_seconds
        return self.latest("seconds") if told is None else told

    def latest(self, name: str) -> float | None:
        """The last value of a scalar in the log."""
        return next((float(line[name]) for line in reversed(self.log) if name in line), None)

    def course(self, name: str) -> list[tuple[float, float]]:
        """A scalar by step."""
        return course(self.log, name)


def course(log: Sequence[Mapping[str, int | float]], name: str) -> list[tuple[float, float]]:
    """A scalar of a log by step."""
    return [(float(line["step"]), float(line[name])) for line in log if name in line]


def gather(folder: RunFolder) -> RunFacts:
    """Read a run folder.

    Raises:
        UserError: it is no run folder, or a file in it is broken.
    """
    check_is_run(folder)
    methods = read_scores(folder)
    views_are, views = _views(folder, methods[-1] if methods else None)
    return RunFacts(
        folder=folder,
        origin=Origin.of(folder),
        log=read_lines(folder.log),
        cost=read_cost(folder),
        scores=methods[-1] if methods else None,
        methods=[method for method in methods if method.iteration == methods[-1].iteration],
        views=views,
        views_are=views_are,
        video=gather_video(folder),
    )


def photograph_names(folder: RunFolder) -> list[str]:
    """Names of all photographs of a run, those held out first; empty without cameras.json.

    Raises:
        UserError: cameras.json is broken.
    """
    if not folder.cameras.exists():
        return []
    entries = read_json(folder.cameras)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{folder.cameras}: a list of cameras was expected; restore or remove the file")
    return [str(entry.get("img_name", "")) for entry in entries]


def _views(folder: RunFolder, method: MethodScores | None) -> tuple[ViewSet, list[ViewFiles]]:
    if method is not None:
        names = photograph_names(folder)
        views = [
            _held_out(folder, method, file, names[row] if row < len(names) else file, scores)
            for row, (file, scores) in _numbered(method)
        ]
        return "test", [view for view in views if view.render.exists() and view.photograph.exists()]
    return "train", _training_views(folder)


def _numbered(method: MethodScores) -> list[tuple[int, tuple[str, Scores]]]:
    """The place among the held-out views, file and scores of each view; some may not have been scored."""
    numbers = [Path(file).stem for file in method.views]
    places = [int(number) if number.isdecimal() else row for row, number in enumerate(numbers)]
    return list(zip(places, method.views.items(), strict=True))


def _held_out(folder: RunFolder, method: MethodScores, file: str, name: str, scores: Scores) -> ViewFiles:
    files = _files(folder, "test", method.iteration, file, name, scores)
    mask = masks_folder(folder, method.iteration) / file
    render = folder.held_out_renders(method.iteration, method.drawn) / file
    return replace(files, render=render, mask=mask if mask.exists() else None)


def _training_views(folder: RunFolder) -> list[ViewFiles]:
    """A few views that trained, evenly chosen."""
    if not any(folder.path.glob("train/ours_*/renders/*.png")):
        return []
    iteration = rendered_iterations(folder, "train")[-1]
    pairs = image_pairs(folder, "train", iteration)
    stride = max(1, (len(pairs) - 1) // max(1, _TRAINING_VIEWS - 1))
    names = photograph_names(folder)
    views = []
    for row in range(0, len(pairs), stride)[:_TRAINING_VIEWS]:
        image, target = (torch.from_numpy(read_image(path)) for path in pairs[row])
        file = pairs[row][0].name
        name = names[row] if len(names) == len(pairs) else file
        views.append(_files(folder, "train", iteration, file, name, image_metrics.score(image, target, None)))
    return views


def _files(
    folder: RunFolder, views: ViewSet, iteration: int, file: str, name: str, scores: Scores
) -> ViewFiles:
    render, photograph, depth = (
        folder.images(views, iteration, kind) / file for kind in ("renders", "gt", "depth")
    )
    return ViewFiles(name, render, photograph, depth if depth.exists() else None, scores)
