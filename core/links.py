"""One file under several names, where the disk can."""

import os
import shutil
from pathlib import Path

from core.files import explain, make_folder, part_of


def link_or_copy(source: Path, target: Path) -> bool:
    """Give a file a second name, in place of whatever has that name; where links are impossible, copy it.

    Args:
        source: the file.
        target: its other name; the folder is made if it is missing.

    Returns:
        Whether it is a link: not where the disk, or the border between two disks, allows none.

    Raises:
        UserError: the file is missing, or the other name cannot be written.
    """
    make_folder(target.parent)
    temporary = part_of(target)
    try:
        temporary.unlink(missing_ok=True)
        linked = _link(source, temporary)
        if not linked:
            shutil.copyfile(source, temporary)
        temporary.replace(target)
        # Renaming one name of a file onto another of the same file does nothing: POSIX leaves both.
        temporary.unlink(missing_ok=True)
    except OSError as error:
        raise explain(error, target) from error
    return linked


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, a file system without links, or too many names
        return False
    return True
