"""The download against a server on this machine: whole, cut off, tampered with, absent."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from core.weights import BACKBONE_FILES, LINEAR_FILES, weight_folders
from data import download_lpips_weights as download

CONTENT = bytes(range(256)) * 5000


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT at /file.pth, in parts when asked to; remembers what was asked."""

    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        if self.path != "/file.pth":
            self.send_error(404)
            return
        asked = self.headers["Range"]
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.ranges.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def published(address: str) -> download.WeightFile:
    return download.WeightFile(f"{address}/file.pth", hashlib.sha256(CONTENT).hexdigest(), 1.3)


@pytest.mark.parametrize("have", [0, 1, 100_000, len(CONTENT)])
def test_what_is_missing_is_fetched(address: str, tmp_path: Path, have: int) -> None:
    folder = tmp_path / "new"
    if have:
        folder.mkdir()
        (folder / "file.pth.part").write_bytes(CONTENT[:have])
    download.fetch(published(address), folder)
    assert (folder / "file.pth").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["file.pth"]
    if have:
        assert Handler.ranges in ([f"bytes={have}-"], [])
    download.fetch(published(address), folder)
    assert len(Handler.ranges) <= 1, "a file that was there was fetched again"


def test_a_damaged_file_is_replaced(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.pth").write_bytes(CONTENT[:-1])
    download.fetch(published(address), tmp_path)
    assert (tmp_path / "file.pth").read_bytes() == CONTENT


def test_other_content_is_refused_and_not_kept(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.pth.part").write_bytes(b"something else")
    with pytest.raises(download.DownloadError, match="SHA-256"):
        download.fetch(published(address), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_had_is_one_sentence_and_exit_code_2(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = download.WeightFile(f"{address}/absent.pth", "", 0.1)
    monkeypatch.setattr(download, "FILES", {"vgg": (absent,)})
    assert download.main(["--to", str(tmp_path)]) == 2
    assert "absent.pth: Not Found; check the network" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert download.main(["--to", str(tmp_path / "file")]) == 2
    assert "choose a folder with --to" in capsys.readouterr().err


def test_names_and_folder_are_those_of_the_metric() -> None:
    for network, files in download.FILES.items():
        assert {file.name for file in files} == {LINEAR_FILES[network], BACKBONE_FILES[network]}
    assert download.default_folder() == weight_folders()[0]
