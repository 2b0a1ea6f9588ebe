"""What a download that has not ended, or was never asked for in full, leaves in a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.files import GIT_LFS_MARK

_UNFINISHED_SUFFIXES = frozenset({".zip", ".part", ".incomplete", ".crdownload", ".aria2", ".tmp"})
_UNFINISHED_NAMES = frozenset({".cache"})
_MOST_POINTER_BYTES = 1024


def git_lfs_pointers(folders: Sequence[Path]) -> list[Path]:
    """Files directly in folders that only say where Git-LFS keeps their content."""
    return [path for path in _entries(folders) if path.is_file() and _is_pointer(path)]


def unfinished(folders: Sequence[Path]) -> list[Path]:
    """Archives that wait to be unpacked and parts of files, directly in folders."""
    return [
        path
        for path in _entries(folders)
        if path.name in _UNFINISHED_NAMES
        or _UNFINISHED_SUFFIXES & {suffix.lower() for suffix in path.suffixes}
    ]


def _entries(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.iterdir())


def _is_pointer(path: Path) -> bool:
    if path.stat().st_size > _MOST_POINTER_BYTES:
        return False
    with path.open("rb") as file:
        return file.read(len(GIT_LFS_MARK)) == GIT_LFS_MARK
