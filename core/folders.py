"""Folders that are either whole or absent, and whether the disk has room for them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UserError
from core.files import explain, make_folder
from core.memory import readable


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` that takes its place when the block ends well, else is removed.

    One process at a time may write a folder; what an earlier one left of its attempt is removed.

    Args:
        path: the folder to be made; what is there now is replaced as a whole.

    Raises:
        UserError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        remove(temporary)
        make_folder(temporary)
        yield temporary
        remove(path)
        temporary.rename(path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all it holds; nothing happens where there is none.

    Raises:
        UserError: it cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise explain(error, path, "remove") from error


def nearest_existing(path: Path) -> Path:
    """The path itself, or else the first folder above it that exists: on whose disk it is going to be."""
    absolute = path.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.exists())


OTHER_TEMPORARY_FOLDER = "name a folder on another disk in TMPDIR"
"""What to do where the disk of temporary files is full."""

_OTHER_RUN_FOLDER = "choose another folder with -m"


def check_space(folder: Path, needed: int, what: str, remedy: str = _OTHER_RUN_FOLDER) -> None:
    """Make sure that something fits onto the disk before any of it is written.

    Args:
        folder: where it is going to be; may not exist yet.
        needed: bytes.
        what: it is, for the message.
        remedy: where else it may be put, for the message.

    Raises:
        UserError: fewer bytes than that are free.
    """
    existing = nearest_existing(folder)
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        raise explain(error, existing, "look at the disk of") from error
    if free < needed:
        raise UserError(
            f"{what} will take about {readable(needed)} in {folder} and {readable(free)} are free; free some "
            f"space, {remedy}, or take fewer or smaller frames (--max-frames, --frame-long-side)"
        )
