"""A run as it is compared: its rendered views with their names, files and stored scores.

Runs of ours are read, and folders that other programs left in the layout of Inria's code:
`test/ours_N/renders` and `gt`, and, where they are there, `per_view.json` and `cameras.json`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import UserError
from core.run_folder import HeldOut, RunFolder, ViewSet
from evaluation.image_metrics import Scores
from evaluation.report.document import read_object
from evaluation.report.facts import photograph_names
from evaluation.scoring import image_pairs, read_scores
from evaluation.street_scores import SCORES_FILE

Counted = Literal["all pixels", "static pixels", "valid pixels"]
"""Over which pixels the scores of a run were taken: of photographs, of videos, of driving logs."""


@dataclass(frozen=True)
class RunView:
    """A view that a run has rendered.

    Args:
        render: the rendering.
        photograph: of the same size.
        scores: as the run's files have them; None where they do not.
        dpsnr: of a view of a driving log, over what moves, in dB; None where nothing does.
    """

    render: Path
    photograph: Path
    scores: Scores | None
    dpsnr: float | None = None


@dataclass(frozen=True)
class ComparedRun:
    """A run with its rendered views.

    Args:
        letter: stands for it on the page.
        name: of its folder, made longer where another run's is the same.
        folder: of the run.
        iteration: which was rendered.
        views: by their names, in the order of the run.
        named: whether the names are those of the photographs; else they are numbers.
        counted: over which pixels stored scores are.
    """

    letter: str
    name: str
    folder: RunFolder
    iteration: int
    views: Mapping[str, RunView]
    named: bool
    counted: Counted

    @property
    def title(self) -> str:
        """Letter and name."""
        return f"{self.letter} ({self.name})"


def read_run(
    letter: str, name: str, folder: RunFolder, views: ViewSet, iteration: int, drawn: HeldOut
) -> ComparedRun:
    """Read what a run has rendered.

    Args:
        letter: stands for it on the page.
        name: for people.
        folder: of the run.
        views: which views.
        iteration: which of those that were rendered.
        drawn: how, if they were held out.

    Raises:
        UserError: a file is broken, or a photograph or a rendering is missing.
    """
    pairs = image_pairs(folder, views, iteration, drawn)
    names = photograph_names(folder)
    numbers = [_number(render, place) for place, (render, _) in enumerate(pairs)]
    named = bool(numbers) and len(names) > max(numbers)
    stored, counted = _stored(folder, views, iteration, drawn)
    found = {}
    for number, (render, photograph) in zip(numbers, pairs, strict=True):
        scores, dpsnr = stored.get(render.name, (None, None))
        known_as = names[number] if named else f"{number:05d}"
        found[known_as] = RunView(render, photograph, scores, dpsnr)
    return ComparedRun(letter, name, folder, iteration, found, named, counted)


def _number(render: Path, place: int) -> int:
    """The place of a view among the held-out ones: the name of its file, where that is a number."""
    return int(render.stem) if re.fullmatch(r"\d+", render.stem) else place


def _stored(
    folder: RunFolder, views: ViewSet, iteration: int, drawn: HeldOut
) -> tuple[Mapping[str, tuple[Scores, float | None]], Counted]:
    """Scores, and those over what moves, by the name of a view's file; and which pixels count."""
    street = folder.path / SCORES_FILE
    if street.is_file():
        return _street_scores(street, views, iteration), "valid pixels"
    if views == "train":
        return {}, "all pixels"
    for method in read_scores(folder):
        if (method.iteration, method.drawn) == (iteration, drawn):
            counted: Counted = "all pixels" if method.mean.static is None else "static pixels"
            return {file: (scores, None) for file, scores in method.views.items()}, counted
    return {}, "all pixels"


def _street_scores(path: Path, views: ViewSet, iteration: int) -> Mapping[str, tuple[Scores, float | None]]:
    stored = read_object(path)
    if stored.get("iteration") != iteration:
        return {}
    try:
        numbers = [view["numbers"] for view in stored["views"].get(views, [])]
        return {
            f"{place:05d}.png": (Scores(each["psnr"], each["ssim"], each.get("lpips")), each.get("dpsnr"))
            for place, each in enumerate(numbers)
            if "psnr" in each and "ssim" in each
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} holds no scores of a street; `python metrics.py -m {path.parent}` after removing it"
        ) from error
