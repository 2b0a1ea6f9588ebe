"""PointOdyssey from a server on this machine: the splits that are asked for, parts joined."""

from pathlib import Path

import pytest

from data import download_pointodyssey
from data.archives import Archive
from tests.data.servers import serving
from tests.data.test_archives import contents, tarred

TRAIN = tarred({"train/ani/anno.npz": b"numbers" * 100})


def test_the_splits_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = {"/train.tar.gz.partaa": TRAIN[:40], "/train.tar.gz.partab": TRAIN[40:]}
    served["/test.tar.gz"] = tarred({"test/cab/anno.npz": b"x"})
    with serving(served) as (address, _):
        parts = Archive(tuple(address + name for name in list(served)[:2]))
        known = {"train": parts, "test": Archive((f"{address}/test.tar.gz",))}
        monkeypatch.setattr(download_pointodyssey, "ARCHIVES", known)
        assert download_pointodyssey.main(["--to", str(tmp_path), "--splits", "train"]) == 0
        assert contents(tmp_path) == {"train/ani/anno.npz": b"numbers" * 100, ".train.tar.gz.unpacked": b""}
        assert download_pointodyssey.main(["--to", str(tmp_path), "--splits", "train", "test"]) == 0
    assert contents(tmp_path)["test/cab/anno.npz"] == b"x"
    assert "data.rearrange_pointodyssey --root" in capsys.readouterr().err


def test_the_published_addresses() -> None:
    names = {split: archive.name for split, archive in download_pointodyssey.ARCHIVES.items()}
    assert names == {"train": "train.tar.gz", "test": "test.tar.gz", "sample": "sample.tar.gz"}
    assert [url[-2:] for url in download_pointodyssey.ARCHIVES["train"].urls] == ["aa", "ab", "ac", "ad"]
