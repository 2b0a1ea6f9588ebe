"""Files that are either whole or absent: written under another name, then renamed."""

import errno
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.errors import UserError

GIT_LFS_MARK = b"version https://git-lfs"
"""How the pointer begins that Git-LFS leaves in place of a file it has not fetched."""

_CHUNK = 1 << 20
_count = itertools.count()

_open_parts: set[str] = set()  # what this process is writing now, on whichever thread

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and repeat the command",
    errno.EDQUOT: "your disk quota is used up; free some space and repeat the command",
    errno.EFBIG: "the file is larger than this file system or your limits allow; choose another folder",
    errno.EROFS: "the file system is read-only; choose a folder that can be written",
    errno.EACCES: "permission denied; choose a folder that can be written",
    errno.EPERM: "the operation is not permitted; choose a folder that can be written",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another path",
    errno.EISDIR: "it is a folder where a file was expected; choose another path",
    errno.EEXIST: "a file is where a folder was expected; choose another path",
    errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter one",
    errno.ENOENT: "it does not exist",
}


def explain(error: OSError, path: Path, action: str = "write") -> UserError:
    """The sentence for a failed file operation.

    Args:
        error: what the operating system said.
        path: the file or folder in question.
        action: what was tried, as a verb.
    """
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return UserError(f"cannot {action} {path}: {reason}")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits.

    Raises:
        UserError: it cannot be read.
    """
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                total.update(chunk)
    except OSError as error:
        raise explain(error, path, "read") from error
    return total.hexdigest()


def make_folder(path: Path) -> Path:
    """`path`, after it and its parents have been made where they were missing.

    Raises:
        UserError: the folder cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, path, "make the folder") from error
    return path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that becomes `path` when the block ends well.

    The bytes are on the disk before the rename, so that a power cut leaves the old file or the new one. When
    the block raises, the temporary file is removed and `path` is what it was.

    Args:
        path: the file to be written; its folder is made if it is missing.

    Raises:
        UserError: the disk is full, the folder read-only, and so on.
    """
    make_folder(path.parent)
    temporary = part_of(path)
    open_now = os.path.realpath(temporary)
    _open_parts.add(open_now)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        with suppress(OSError):  # some network file systems sync files only; the file is whole in any case
            _sync(path.parent)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        with suppress(OSError):  # gone after the rename; and nothing can be mended on a disk that has failed
            temporary.unlink()
        _open_parts.discard(open_now)


def part_of(path: Path) -> Path:
    """A name beside `path` for what is going to be it, which no other thread or process has.

    Its last number is the process's: `remove_stale_parts` goes by it.
    """
    return path.with_name(f".{path.stem}.{next(_count)}.{os.getpid()}.part{path.suffix}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_stale_parts(folder: Path) -> None:
    """Remove what killed processes left of `atomic_write`, in a folder and below it.

    A file that bears this process's number, and that it is not writing now, was left by an earlier one, as
    happens in containers, where numbers repeat.

    Raises:
        UserError: such a file cannot be removed.
    """
    for part in folder.rglob(".*.part*"):
        named = re.fullmatch(r"\..*\.(\d+)\.part(\..*)?", part.name)
        if named is None or _is_another_process(int(named[1])) or os.path.realpath(part) in _open_parts:
            continue
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise explain(error, part, "remove") from error


def _is_another_process(number: int) -> bool:
    """Whether a process other than this one has that number now."""
    if number == os.getpid():
        return False
    try:
        os.kill(number, 0)  # asks, and sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object, indent: int | None = 2) -> None:
    """Write a JSON file, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UserError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise explain(error, path, "read") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); restore or remove the file") from error
