"""Downloads from a server on this machine: whole, cut off, redirected, tampered with, absent."""

import hashlib
import shutil
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from core.errors import UserError
from data.downloads import Announcement, announcement, fetch

CONTENT = bytes(range(256)) * 5000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """CONTENT at /file; /linked announces its checksum and sends there; /wrong announces another one."""

    ranges: ClassVar[list[str | None]] = []
    cut: ClassVar[int] = 0

    def do_HEAD(self) -> None:
        self.answer(send=False)

    def do_GET(self) -> None:
        self.answer(send=True)

    def answer(self, *, send: bool) -> None:
        if self.path in ("/linked", "/wrong", "/round"):
            self.send_response(302)
            digest = DIGEST if self.path == "/linked" else "0" * 64
            self.send_header("X-Linked-Etag", f'"{digest}"')
            self.send_header("X-Linked-Size", str(len(CONTENT)))
            self.send_header("Location", "/round" if self.path == "/round" else "/file")
            self.end_headers()
            return
        if self.path == "/nohead" and not send:
            self.send_error(405)
            return
        if self.path not in ("/file", "/nohead"):
            self.send_error(404)
            return
        asked = self.headers["Range"] if send else None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if send:
            self.ranges.append(asked)
            self.wfile.write(CONTENT[start : len(CONTENT) - self.cut])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Handler.ranges.clear()
    monkeypatch.setattr(Handler, "cut", 0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("have", [0, 1, 100_000, len(CONTENT)])
@pytest.mark.parametrize("page", ["file", "linked", "nohead"])
def test_what_is_missing_is_fetched(address: str, tmp_path: Path, page: str, have: int) -> None:
    target = tmp_path / "new" / "model.bin"
    if have:
        target.parent.mkdir()
        (tmp_path / "new" / "model.bin.part").write_bytes(CONTENT[:have])
    fetch(f"{address}/{page}", target)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert Handler.ranges in ([f"bytes={have}-"] if have else [None], [])
    asked = len(Handler.ranges)
    fetch(f"{address}/{page}", target)
    assert len(Handler.ranges) == asked, "a file that was there was fetched again"


def test_what_the_server_announces(address: str) -> None:
    assert announcement(f"{address}/file") == Announcement(len(CONTENT), None)
    assert announcement(f"{address}/linked") == Announcement(len(CONTENT), DIGEST)
    assert announcement(f"{address}/nohead") == Announcement()
    with pytest.raises(UserError, match="from address to address"):
        announcement(f"{address}/round")


def test_a_transfer_that_was_cut_goes_on(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    monkeypatch.setattr(Handler, "cut", 1000)
    with pytest.raises(UserError, match=r"check the network|to go on"):
        fetch(f"{address}/file", target)
    assert not target.exists()
    monkeypatch.setattr(Handler, "cut", 0)
    fetch(f"{address}/file", target)
    assert target.read_bytes() == CONTENT
    assert Handler.ranges[-1] == f"bytes={len(CONTENT) - 1000}-"


@pytest.mark.parametrize("page", ["file", "wrong"])
def test_other_content_is_refused_and_not_kept(address: str, tmp_path: Path, page: str) -> None:
    with pytest.raises(UserError, match="its SHA-256 differs"):
        fetch(f"{address}/{page}", tmp_path / "x", "1" * 64 if page == "file" else None)
    assert list(tmp_path.iterdir()) == []


def test_too_much_is_refused_and_not_kept(address: str, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(CONTENT + b"more")
    with pytest.raises(UserError, match="its length differs"):
        fetch(f"{address}/file", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_one_sentence_when_it_is_not_there(address: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent: Not Found; its server has no such file"):
        fetch(f"{address}/absent", tmp_path / "x")


def test_one_sentence_when_the_folder_is_none(address: str, tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    with pytest.raises(UserError, match="occupied"):
        fetch(f"{address}/file", tmp_path / "occupied" / "x")


def test_a_full_disk_is_told_before_the_transfer(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(UserError, match=r"0\.0 GB are free"):
        fetch(f"{address}/file", tmp_path / "x")
    assert Handler.ranges == []
