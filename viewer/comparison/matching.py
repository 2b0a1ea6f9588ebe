"""Which views runs have in common, and whether they are photographs of the same things."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import UserError
from core.images import IMAGE_SUFFIXES, read_image
from viewer.comparison.runs import ComparedRun, RunView

_LOOKED_AT = 8  # views, of which one sees whether photographs are the same
_THUMBNAIL = (32, 24)
_FLAT = 2 / 255  # of images that are all of one colour
_SAME = 0.5  # as a share of how much an image varies; other scenes differ by about 1.4 times that


@dataclass(frozen=True)
class CommonView:
    """A view that all runs have rendered.

    Args:
        name: of its photograph.
        of_runs: what each run has of it, in the order of the runs.
    """

    name: str
    of_runs: tuple[RunView, ...]


@dataclass(frozen=True)
class Matched:
    """The views that runs have in common.

    Args:
        views: in the order of the first run.
        notes: what somebody who reads the numbers should know, in sentences.
    """

    views: tuple[CommonView, ...]
    notes: tuple[str, ...]


def match(runs: Sequence[ComparedRun]) -> Matched:
    """Find the views that all runs have.

    Args:
        runs: two or more, each with a view at least.

    Raises:
        UserError: they have no view in common, nothing says which views are the same, or their photographs
            are not the same.
    """
    named = all(run.named for run in runs)
    views = _by_name(runs) if named else _by_order(runs)
    _check_photographs(runs, views)
    notes = []
    if not named:
        without = " and ".join(run.title for run in runs if not run.named)
        notes.append(f"Views are matched by their order, as {without} has no cameras.json with their names.")
    counts = [len(run.views) for run in runs]
    if max(counts) > len(views):
        told = ", ".join(f"{run.letter} {count}" for run, count in zip(runs, counts, strict=True))
        notes.append(f"Of the views ({told}) those {len(views)} are compared that all runs have.")
    return Matched(tuple(views), tuple(notes))


def _by_name(runs: Sequence[ComparedRun]) -> list[CommonView]:
    tables = [_table(run, in_folders=False) for run in runs]
    if any(len(table) < len(run.views) for table, run in zip(tables, runs, strict=True)):
        tables = [_table(run, in_folders=True) for run in runs]  # a rig's cameras number their images alike
    first, *others = tables
    views = [
        CommonView(name, (view, *(other[key][1] for other in others)))
        for key, (name, view) in first.items()
        if all(key in other for other in others)
    ]
    if not views:
        examples = " and ".join(f"{run.folder.path} (such as {next(iter(run.views))})" for run in runs)
        raise UserError(
            f"{examples} have no views in common; compare runs of one capture with the same held out"
        )
    return views


def _table(run: ComparedRun, in_folders: bool) -> Mapping[str, tuple[str, RunView]]:
    """Name and view by the name without the ending, which Inria's code drops."""
    return {_key(name, in_folders): (name, view) for name, view in run.views.items()}


def _key(name: str, in_folders: bool) -> str:
    path = PurePosixPath(name)
    stem = path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
    return str(path.with_name(stem)) if in_folders else stem


def _by_order(runs: Sequence[ComparedRun]) -> list[CommonView]:
    counts = {len(run.views) for run in runs}
    if len(counts) > 1:
        told = ", ".join(f"{run.folder.path} {len(run.views)}" for run in runs)
        raise UserError(
            f"the runs have different numbers of views ({told}) and not all have a cameras.json, which names "
            "them; put that file into the folders, or hold out the same views"
        )
    names = next((run.views for run in runs if run.named), runs[0].views)
    of_runs = zip(*(run.views.values() for run in runs), strict=True)
    return [CommonView(name, views) for name, views in zip(names, of_runs, strict=True)]


def _check_photographs(runs: Sequence[ComparedRun], views: Sequence[CommonView]) -> None:
    """Make sure that views of one name show the same.

    Raises:
        UserError: they do not, or an image does not decode.
    """
    chosen = views[:: max(1, len(views) // _LOOKED_AT)][:_LOOKED_AT]
    first, *others = (
        np.stack([_thumbnail(view.of_runs[place]) for view in chosen]) for place in range(len(runs))
    )
    for run, other in zip(runs[1:], others, strict=True):
        apart = float(np.sqrt(np.square(first - other).mean()))
        if apart > _SAME * max(float(first.std()), _FLAT):
            raise UserError(
                f"{runs[0].folder.path} and {run.folder.path} are runs of different captures, or of one "
                f"prepared in different ways: photographs of one name, such as {chosen[0].name}, are not "
                "the same; compare runs of one capture"
            )


def _thumbnail(view: RunView) -> Float[ndarray, "H W 3"]:
    image = cv2.resize(read_image(view.photograph), _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return image.astype(np.float32) / 255
