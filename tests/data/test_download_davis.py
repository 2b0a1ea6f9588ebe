"""DAVIS from a server on this machine, in the layout of its publishers."""

from pathlib import Path

import pytest

from data import download_davis
from data.archives import Archive
from tests.data.servers import serving
from tests.data.test_archives import contents, zipped

FILES = {"DAVIS/JPEGImages/480p/dog/00000.jpg": b"jpg", "DAVIS/Annotations/480p/dog/00000.png": b"png"}


def test_it_is_unpacked_as_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({"/davis.zip": zipped(FILES)}) as (address, _):
        monkeypatch.setattr(download_davis, "ARCHIVE", Archive((f"{address}/davis.zip",)))
        assert download_davis.main(["--to", str(tmp_path / "davis")]) == 0
    assert contents(tmp_path / "davis") == FILES | {".davis.zip.unpacked": b""}
    assert "frames are in" in capsys.readouterr().err


def test_what_cannot_be_had_is_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({}) as (address, _):
        monkeypatch.setattr(download_davis, "ARCHIVE", Archive((f"{address}/davis.zip",)))
        assert download_davis.main(["--to", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1


def test_the_published_address() -> None:
    assert download_davis.ARCHIVE.name == "DAVIS-2017-trainval-480p.zip"
