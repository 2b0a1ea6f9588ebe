"""Folders of runs to subjects of a page."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError
from core.run_folder import RunFolder
from training.runs import open_run
from training.street_runs import is_street, open_street
from viewer.subject import Subject
from viewer.subjects.street import StreetSubject
from viewer.subjects.trained import TrainedSubject


def is_run(path: Path) -> bool:
    """Whether a folder says that it holds a run of a method that learns Gaussians."""
    return RunFolder(path).config.is_file()


def open_subject(path: Path, title: str, source: Path | None = None) -> Subject:
    """A run, ready to be looked at.

    Args:
        path: its folder.
        title: what to call it.
        source: where its capture is now, if it has been moved.

    Raises:
        UserError: it is no run, holds no Gaussians, or its capture cannot be read.
    """
    if is_street(path):
        return StreetSubject(open_street(path, source=source), title)
    return TrainedSubject(open_run(path, source=source), title)


def titles(paths: Sequence[Path]) -> list[str]:
    """Short names for paths: as many of their last parts as tell them apart.

    Raises:
        UserError: two of them are the same.
    """
    whole = [path.absolute() for path in paths]
    twice = next((path for number, path in enumerate(whole) if path in whole[:number]), None)
    if twice is not None:
        raise UserError(f"{twice} is named twice; name each run once")
    longest = max(len(path.parts) for path in whole)
    names = [str(path) for path in whole]
    for parts in range(longest, 0, -1):
        shorter = [str(Path(*path.parts[-parts:])) for path in whole]
        if len(set(shorter)) < len(paths):
            break
        names = shorter
    return names
