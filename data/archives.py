"""Published archives: fetched with resume, tested, and unpacked without trusting what is in them.

Where a publisher gives no checksum, a file counts as whole when it has the length that the server announces,
and as sound when the archive's own checksums hold.
"""

import gzip
import io
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core.errors import UserError
from core.files import explain, make_folder
from core.progress import say
from data.downloads import announcement, check_space, fetch

_CHUNK = 1 << 20
_ENCRYPTED = 1  # bit 0 of a member's flags: APPNOTE 4.4.4
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
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
    files = [folder / url.rpartition("/")[2] for url in archive.urls]
    missing = [url for url, file in zip(archive.urls, files, strict=True) if not file.is_file()]
    begun = _begun(files)
    fetched = max(0, sum(announcement(url).size or 0 for url in missing) - begun)
    have = sum(file.stat().st_size for file in files if file.is_file())
    # What is unpacked takes at least the room of the archive.
    check_space(folder, 2 * fetched + have + begun, archive.name)
    for url, file in zip(archive.urls, files, strict=True):
        fetch(url, file)
    unpack(files, folder)
    try:
        done.touch()
        for file in [] if keep else files:
            file.unlink()
    except OSError as error:
        raise explain(error, folder) from error


def _begun(files: list[Path]) -> int:
    """Bytes of files that were fetched in part."""
    parts = (file.with_name(f"{file.name}.part") for file in files)
    return sum(part.stat().st_size for part in parts if part.is_file())


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
        for place, stream in (
            _zip_members(files[0], folder) if name.endswith(".zip") else _tar_members(files, folder)
        ):
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
        check_space(folder, sum(member.file_size for member in members), f"what is in {path.name}")
        for member in members:
            if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
                how = "encrypted" if member.flag_bits & _ENCRYPTED else "packed in an unusual way"
                raise UserError(
                    f"{path} holds {member.filename!r}, which is {how}; unpack it with another program, or "
                    "fetch the published archive"
                )
            kind = stat.S_IFMT(member.external_attr >> 16)
            place = _safe(member.filename, path.name, is_file=kind in (0, stat.S_IFREG))
            with archive.open(member) as stream:  # checks the sum when all has been read
                yield place, stream


def _tar_members(files: list[Path], folder: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    with io.BufferedReader(_Joined(files), _CHUNK) as joined, gzip.GzipFile(fileobj=joined) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if member.isdir():
                    continue
                place = _safe(member.name, files[0].name, is_file=member.isfile())
                check_space(folder, member.size, f"{member.name} of {files[0].name}")
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
