"""Published archives: fetched with resume, tested, and unpacked without trusting what is in them.

The publishers give no checksums, so that a file counts as whole when it has the length that the server
announces, and as sound when the archive's own checksums hold.
"""

import gzip
import io
import shutil
import stat
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core.errors import UserError
from core.files import explain, make_folder
from core.progress import Progress, say

_CHUNK = 1 << 20
_TIMEOUT_S = 30
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error)


@dataclass(frozen=True)
class Archive:
    """A zip or tar.gz file on a server.

    Args:
        urls: where it is; several where it was cut into parts, in their order.
    """

    urls: tuple[str, ...]

    @property
    def name(self) -> str:
        """File name, without what tells the first part from the others."""
        return self.urls[0].rpartition("/")[2].removesuffix(".partaa")


def fetch_and_unpack(archive: Archive, folder: Path, *, keep: bool = False) -> None:
    """Unpack an archive into a folder, unless that has been done. What is there is replaced file by file.

    Args:
        archive: what to fetch; a download that was cut off goes on where it stopped.
        folder: where to; made if it is missing.
        keep: whether the archive stays beside what was in it.

    Raises:
        UserError: the server does not answer, the disk is full, or the archive is damaged or not safe.
    """
    done = folder / f".{archive.name}.unpacked"
    if done.is_file():
        say(f"{archive.name} has been unpacked in {folder}")
        return
    make_folder(folder)
    sizes = [announced_size(url) for url in archive.urls]
    have = sum(path.stat().st_size for url in archive.urls for path in _places(url, folder) if path.is_file())
    # What is unpacked takes at least the room of the archive.
    _check_space(folder, 2 * sum(size or 0 for size in sizes) - have, archive.name)
    files = [fetch(url, folder, size) for url, size in zip(archive.urls, sizes, strict=True)]
    unpack(files, folder)
    try:
        done.touch()
        for file in [] if keep else files:
            file.unlink()
    except OSError as error:
        raise explain(error, folder) from error


def announced_size(url: str) -> int | None:
    """Bytes of a file by its server's word; None where it does not say.

    Raises:
        UserError: the server does not answer, or has no such file.
    """
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, method="HEAD"), timeout=_TIMEOUT_S
        ) as response:
            return _number(response.headers["Content-Length"])
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED):
            return None
        raise _unreachable(url, error) from error
    except (OSError, HTTPException) as error:
        raise _unreachable(url, error) from error


def fetch(url: str, folder: Path, size: int | None) -> Path:
    """Put a file into a folder, unless it is there.

    Args:
        url: of the file.
        folder: where to; a part that an earlier attempt left there is completed.
        size: bytes that it has, if known.

    Returns:
        The path of the file.

    Raises:
        UserError: the server does not answer, ends early, or the disk refuses.
    """
    target, part = _places(url, folder)
    if target.is_file():
        return target
    try:
        if not part.is_file() or part.stat().st_size != size:
            size = _append(url, part, size) or size
        have = part.stat().st_size
    except urllib.error.URLError as error:
        raise _unreachable(url, error) from error
    except (TimeoutError, ConnectionError, HTTPException) as error:
        raise _unreachable(url, error) from error
    except OSError as error:
        raise explain(error, part) from error
    if size is not None and have != size:
        if have > size:
            part.unlink()
        raise UserError(f"{url} ended after {have} of {size} bytes; run the same command again to go on")
    part.replace(target)
    return target


def unpack(files: list[Path], folder: Path) -> None:
    """Unpack an archive into a folder; nothing of it is there before all of it has been tested.

    Args:
        files: the archive; several where it is in parts, in their order.
        folder: where to.

    Raises:
        UserError: it is damaged (it is removed then), holds names that lead elsewhere, or does not fit.
    """
    name = files[0].name
    temporary = folder / f".{name}.part"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for place, stream in _zip_members(files[0], folder) if name.endswith(".zip") else _tar_members(files):
            path = temporary / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file, _CHUNK)
        for path in [path for path in temporary.rglob("*") if path.is_file()]:
            target = folder / path.relative_to(temporary)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except _DAMAGED as error:
        for file in files:
            file.unlink()
        raise UserError(f"{name} is damaged ({error}) and was removed; run the same command again") from error
    except OSError as error:
        raise explain(error, folder, "unpack into") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _zip_members(path: Path, folder: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check_space(folder, sum(member.file_size for member in members), f"what is in {path.name}")
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            place = _safe(member.filename, path.name, is_file=kind in (0, stat.S_IFREG))
            with archive.open(member) as stream:  # checks the sum when all has been read
                yield place, stream


def _tar_members(files: list[Path]) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    with io.BufferedReader(_Joined(files), _CHUNK) as joined, gzip.GzipFile(fileobj=joined) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if member.isdir():
                    continue
                place = _safe(member.name, files[0].name, is_file=member.isfile())
                content = archive.extractfile(member)
                if content is not None:
                    yield place, content
        while stream.read(_CHUNK):  # the sum stands at the end
            pass


def _safe(name: str, archive: str, *, is_file: bool) -> PurePosixPath:
    """The place of a member inside the folder.

    Raises:
        UserError: it is none, or the member is a link or a device.
    """
    place = PurePosixPath(name)
    if not is_file:
        raise UserError(f"{archive} holds {name!r}, which is no plain file; nothing of it was unpacked")
    if place.is_absolute() or ".." in place.parts or "\\" in name or ":" in name or not place.parts:
        raise UserError(
            f"{archive} holds {name!r}, which leads out of its folder; nothing of it was unpacked"
        )
    return place


class _Joined(io.RawIOBase):
    """Files read one after the other."""

    def __init__(self, files: list[Path]) -> None:
        self._left = list(files)
        self._file: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._file is not None or self._left:
            if self._file is None:
                self._file = self._left.pop(0).open("rb")
            data = self._file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._end_file()
        return 0

    def close(self) -> None:
        self._end_file()
        super().close()

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _append(url: str, part: Path, size: int | None) -> int | None:
    """Add to `part` what is missing of it; return how long all of it is by the server's word."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return size
        raise
    with response:
        goes_on = response.status == HTTPStatus.PARTIAL_CONTENT
        rest = _number(response.headers["Content-Length"])
        total = None if rest is None else rest + (have if goes_on else 0)
        megabytes = (total or 0) // _CHUNK
        done = have // _CHUNK if goes_on else 0
        with (
            Progress(megabytes, done, label=f"{part.stem}, MiB") as progress,
            part.open("ab" if goes_on else "wb") as file,
        ):
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                progress.advance()
    return total


def _places(url: str, folder: Path) -> tuple[Path, Path]:
    """Where a file is when it is whole, and until then."""
    name = url.rpartition("/")[2]
    return folder / name, folder / f"{name}.part"


def _number(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdigit() else None


def _check_space(folder: Path, needed: int, what: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{what} takes {needed / 1e9:.1f} GB more in {folder}, where {free / 1e9:.1f} GB are free; free "
            "some space or choose another folder with --to"
        )


def _unreachable(url: str, error: Exception) -> UserError:
    reason = getattr(error, "reason", None) or error
    return UserError(f"{url}: {reason}; check the network and run the same command again")
