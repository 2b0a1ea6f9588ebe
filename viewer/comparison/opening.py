"""From the folders that are named to the runs that are compared."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError
from core.run_folder import HeldOut, RunFolder, ViewSet
from evaluation.scoring import HELD_OUT
from viewer.comparison.rendered import kinds_of, rendered_iteration
from viewer.comparison.runs import ComparedRun, read_run

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def open_runs(paths: Sequence[Path]) -> tuple[list[ComparedRun], ViewSet]:
    """Read runs, after rendering what is missing.

    Args:
        paths: their folders.

    Returns:
        The runs with their held-out views, or, where none of them held out any, with those that trained; and
        which of the two.

    Raises:
        UserError: fewer than two runs or too many are given, one is no run or cannot be rendered, or only
            some have held-out views.
    """
    if not 2 <= len(paths) <= len(_LETTERS):
        raise UserError(f"2 to {len(_LETTERS)} runs were expected, {len(paths)} given; name their folders")
    names, folders = told_apart(paths), [RunFolder(path) for path in paths]
    views: ViewSet = "test"
    found = [rendered_iteration(folder, views) for folder in folders]
    if not any(found):
        views = "train"
        found = [rendered_iteration(folder, views) for folder in folders]
    for path, iteration in zip(paths, found, strict=True):
        if iteration is None:
            raise UserError(_nothing(path, views))
    iterations = [iteration or 0 for iteration in found]
    kinds = [kinds_of(folder, each) for folder, each in zip(folders, iterations, strict=True)]
    # Of videos the last way of drawing is the one that counts in reports; a way that all have is fair.
    common: list[HeldOut] = [each for each in HELD_OUT if all(each in ways for ways in kinds)]
    drawn = common[-1] if common else HELD_OUT[0]
    runs = [
        read_run(letter, name, folder, views, iteration, drawn)
        for letter, name, folder, iteration in zip(_LETTERS, names, folders, iterations, strict=False)
    ]
    return runs, views


def told_apart(paths: Sequence[Path]) -> list[str]:
    """Names for folders: their own, with as many parents before it as tell them apart.

    Raises:
        UserError: a folder is given twice.
    """
    parts = [path.resolve().parts for path in paths]
    for place, path in enumerate(paths):
        if parts[place] in parts[:place]:
            raise UserError(f"{path} is given twice; name runs that differ")
    depth = 1
    while len({each[-depth:] for each in parts}) < len(parts):
        depth += 1
    return [str(Path(*each[-depth:])) for each in parts]


def _nothing(path: Path, views: ViewSet) -> str:
    if views == "train":
        return (
            f"{path} has no rendered views (test/ours_N/renders or train/ours_N/renders) and is no run of "
            "ours that could be rendered; render it with the program that trained it"
        )
    return (
        f"{path} has no rendered held-out views (test/ours_N/renders), unlike the other runs; train it with "
        "the same --eval, --split or --hold-out as they were, or render it with the program that trained it"
    )
