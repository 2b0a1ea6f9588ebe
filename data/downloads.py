"""Files from the web: whole or absent, resumed, checked against what their server says of them.

A file is fetched under another name beside its place, and gets its own when it has the announced length and
checksum. Hugging Face announces the SHA-256 of large files (`X-Linked-Etag`); other servers only the length.
"""

import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from core.errors import UserError
from core.files import explain, make_folder, sha256_of
from core.progress import Progress, say

_CHUNK = 1 << 20
_TIMEOUT_S = 30
_MOST_REDIRECTIONS = 8
_SPARE_BYTES = 1 << 26
_NOT_THERE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_NOT_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class NotLetInError(UserError):
    """A file whose server wants to know who asks, or does not let that one in."""


class NoSuchFileError(UserError):
    """A file that its server does not have."""


@dataclass(frozen=True)
class Announcement:
    """What a server says of a file before it sends it.

    Args:
        size: bytes, if it says so.
        sha256: of the content, if it says so.
    """

    size: int | None = None
    sha256: str | None = None


def fetch(url: str, target: Path, sha256: str | None = None, token: str | None = None) -> None:
    """Put a file into its place, unless it is there.

    Args:
        url: of the file.
        target: its place; what an earlier attempt left beside it (`.part`) is completed.
        sha256: what it must hash to, if its publisher says so; else the server's word is taken.
        token: of an account that the server lets in; it is not told to servers that this one sends on to.

    Raises:
        UserError: the server does not answer, ends early or sends something else; or the disk is full.
    """
    if target.is_file():
        say(f"{target} is there")
        return
    part = target.with_name(f"{target.name}.part")
    make_folder(target.parent)
    announced = announcement(url, token)
    try:
        have = part.stat().st_size if part.is_file() else 0
        check_space(target.parent, (announced.size or 0) - have, target.name)
        say(url)
        if have == 0 or have != announced.size:
            _append(url, part, have, token)
        _check(url, part, Announcement(announced.size, sha256 or announced.sha256))
        part.replace(target)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        raise _unreachable(url, error) from error
    except OSError as error:
        raise explain(error, part) from error


def announcement(url: str, token: str | None = None) -> Announcement:
    """Length and checksum of a file by its server's word, without its content.

    Args:
        url: of the file.
        token: of an account that the server lets in.

    Raises:
        UserError: the server does not answer, or has no such file.
    """
    size: int | None = None
    digest: str | None = None
    for _ in range(_MOST_REDIRECTIONS):
        try:
            status, headers = _head(url, token)
        except (OSError, HTTPException) as error:
            raise _unreachable(url, error) from error
        linked = re.fullmatch(r'(?:W/)?"?([0-9a-f]{64})"?', headers.get("X-Linked-Etag", ""))
        digest = digest or (linked[1] if linked else None)
        size = size or _number(headers.get("X-Linked-Size"))
        if "Location" not in headers or not _redirects(status):
            return Announcement(size or _number(headers.get("Content-Length")), digest)
        following = urllib.parse.urljoin(url, headers["Location"])
        token = token if _server(following) == _server(url) else None
        url = following
    raise UserError(f"{url} sends from address to address; check the network and run the same command again")


def check_space(folder: Path, needed: int, what: str) -> None:
    """That a folder has room for so many bytes.

    Raises:
        UserError: it has not.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise explain(error, folder, "look at the disk of") from error
    if free < needed + _SPARE_BYTES:
        raise UserError(
            f"{what} takes {needed / 1e9:.1f} GB more in {folder}, where {free / 1e9:.1f} GB are free; free "
            "some space or choose another folder with --to"
        )


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirections are told, not followed: what a server says of a file is in the first answer."""

    def redirect_request(
        self, req: urllib.request.Request, fp: object, code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None: do not go there."""


def _server(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _request(url: str, token: str | None, method: str = "GET") -> urllib.request.Request:
    request = urllib.request.Request(url, method=method)
    if token is not None:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    return request


def _head(url: str, token: str | None) -> tuple[int, Message]:
    request = _request(url, token, "HEAD")
    try:
        with urllib.request.build_opener(_Stay()).open(request, timeout=_TIMEOUT_S) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        error.close()
        if _redirects(error.code):
            return error.code, error.headers
        if error.code in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED):
            return HTTPStatus.OK, Message()
        raise


def _redirects(status: int) -> bool:
    return 300 <= status < 400


def _append(url: str, part: Path, have: int, token: str | None) -> None:
    """Add to `part` what is missing of it."""
    request = _request(url, token)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # there is no more; whether it is right, its length and checksum tell
        raise
    with response:
        goes_on = response.status == HTTPStatus.PARTIAL_CONTENT
        done = have if goes_on else 0
        total = done + (_number(response.headers.get("Content-Length")) or 0)
        with (
            Progress(total // _CHUNK, done // _CHUNK, label=f"{part.stem}, MiB") as progress,
            part.open("ab" if goes_on else "wb") as file,
        ):
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                progress.advance()


def _check(url: str, part: Path, announced: Announcement) -> None:
    """What is too short stays, to be completed; what is wrong goes."""
    have = part.stat().st_size
    if announced.size is not None and have < announced.size:
        raise UserError(
            f"{url} ended after {have} of {announced.size} bytes; run the same command again to go on"
        )
    wrong_size = announced.size is not None and have > announced.size
    if wrong_size or (announced.sha256 is not None and sha256_of(part) != announced.sha256):
        part.unlink()
        what = "length" if wrong_size else "SHA-256"
        raise UserError(f"{url} is not the published file (its {what} differs); run the same command again")


def _number(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdigit() else None


def _unreachable(url: str, error: Exception) -> UserError:
    if isinstance(error, urllib.error.HTTPError) and error.code in _NOT_LET_IN:
        return NotLetInError(f"{url} is not open to everybody ({error.code} {error.reason})")
    if isinstance(error, urllib.error.HTTPError) and error.code in _NOT_THERE:
        return NoSuchFileError(
            f"{url}: {error.reason}; its server has no such file, see whether it was moved"
        )
    reason = getattr(error, "reason", None) or error
    return UserError(f"{url}: {reason}; check the network and run the same command again")
