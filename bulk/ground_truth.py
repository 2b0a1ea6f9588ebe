"""Photographs that the splits of a scene share: one file on the disk, with a name in each of them."""

import filecmp
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bulk.jobs import Job
from core.files import explain, make_folder
from core.folders import remove
from core.links import link_or_copy
from core.run_folder import ViewSet
from training.runs import TrainedRun

_FOLDER = ".ground_truth"


@dataclass(frozen=True)
class Sharing:
    """How the photographs of a job are stored.

    Args:
        linked: those that share their bytes with other splits, or will do with the next one.
        copied: those that do not: where the disk has no links, or the images have another size.
    """

    linked: int
    copied: int


def store(job: Job) -> Path:
    """The hidden folder beside the jobs of a scene, with a name for each photograph: its view's number."""
    return job.folder.parent / _FOLDER / job.scene.name


def share_photographs(job: Job, run: TrainedRun) -> Sharing:
    """Make the photographs of a job one file with the same ones of other splits.

    Args:
        job: the job.
        run: its run, whose folder holds the photographs.

    Raises:
        UserError: a file cannot be read or written.
    """
    place, linked, total = make_folder(store(job)), 0, 0
    sets: list[tuple[ViewSet, tuple[int, ...]]] = [("train", run.split.train), ("test", run.split.test)]
    for views, rows in sets:
        folder = run.folder.images(views, run.iteration, "gt")
        for position, view in enumerate(rows):
            linked += _share(folder / f"{position:05d}.png", place / f"{view:05d}.png")
            total += 1
    return Sharing(linked, total - linked)


def forget_photographs(job: Job) -> None:
    """Remove the photographs of a scene that no job has a name for any longer.

    Other splits of the scene may do so at the same time.

    Raises:
        UserError: a file cannot be removed.
    """
    place = store(job)
    for file in place.glob("*.png"):
        if _names(file) == 1:
            remove(file)
    for folder in (place, place.parent):
        with suppress(OSError):  # it is not empty, or was removed by another process
            folder.rmdir()


def _names(file: Path) -> int:
    """How many names a file has; 0 where it is gone."""
    try:
        return file.stat().st_nlink
    except FileNotFoundError:
        return 0


def _share(file: Path, stored: Path) -> bool:
    """Whether a photograph and the stored one are one file now."""
    try:
        os.link(file, stored)
    except FileExistsError:
        return filecmp.cmp(file, stored, shallow=False) and link_or_copy(stored, file)
    except FileNotFoundError as error:
        raise explain(error, file, "read") from error
    except OSError:  # a disk without links
        return False
    return True
