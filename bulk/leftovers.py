"""What a killed worker leaves behind: files and folders that were never given their names."""

import re
from pathlib import Path

from core.folders import remove

_FILE = re.compile(r"\..*\.\d+\.part(\..*)?")
_FOLDER = re.compile(r"\..*\.part")


def leftovers(folder: Path) -> list[Path]:
    """What was being written when a process ended, by the names that core.files and core.folders give."""
    found = folder.rglob(".*.part*") if folder.is_dir() else ()
    return [path for path in found if (_FOLDER if path.is_dir() else _FILE).fullmatch(path.name)]


def remove_leftovers(folder: Path) -> None:
    """Remove them. Only who has the job's lease may do so: nobody is writing then.

    Raises:
        UserError: one cannot be removed.
    """
    for path in leftovers(folder):
        remove(path)
