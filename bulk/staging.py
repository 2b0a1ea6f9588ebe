"""Folders of images that appear in a job's folder as a whole, once all of them are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.files import explain, make_folder
from core.folders import remove
from core.run_folder import RunFolder
from training.runs import TrainedRun


@contextmanager
def staged(run: TrainedRun, stage: str) -> Iterator[TrainedRun]:
    """The same run, whose images go to a hidden folder, and from there into its own when the block ends well.

    Folders such as `test/ours_N/renders` take the place of those of the same name; others stay.

    Args:
        run: the run.
        stage: whose images they are; one process at a time may work on it.

    Raises:
        UserError: a folder cannot be put into its place.
    """
    place = run.folder.path / f".{stage}.part"
    remove(place)  # what a killed process has left
    try:
        yield replace(run, folder=RunFolder(place))
        for folder in sorted(place.glob("*/ours_*/*")):
            _move(folder, run.folder.path / folder.relative_to(place))
    finally:
        remove(place)


def _move(folder: Path, target: Path) -> None:
    remove(target)
    make_folder(target.parent)
    try:
        folder.rename(target)
    except OSError as error:
        raise explain(error, target) from error
