"""Mip-NeRF 360 from a server on this machine, in the layout of its publishers."""

from pathlib import Path

import pytest

from bulk.datasets import discover
from bulk.datasets.mipnerf360 import INDOOR, OUTDOOR
from data import download_mipnerf360
from data.archives import Archive
from tests.data.servers import serving
from tests.data.test_archives import zipped


def place(scene: str) -> dict[str, bytes]:
    return {f"{scene}/images_4/0.JPG": b"jpg", f"{scene}/sparse/0/cameras.bin": b"bin"}


def test_both_archives_are_unpacked_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = {"/v2.zip": zipped(place("garden") | place("room")), "/extra.zip": zipped(place("flowers"))}
    with serving(served) as (address, _):
        monkeypatch.setattr(download_mipnerf360, "SCENES", Archive((f"{address}/v2.zip",)))
        monkeypatch.setattr(download_mipnerf360, "EXTRA_SCENES", Archive((f"{address}/extra.zip",)))
        assert download_mipnerf360.main(["--to", str(tmp_path / "360")]) == 0
    found = discover("mipnerf360", tmp_path / "360")
    assert [(scene.name, scene.images) for scene in found] == [
        ("flowers", "images_4"), ("garden", "images_4"), ("room", "images_2"),
    ]  # fmt: skip


def test_what_leads_out_of_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({"/v2.zip": zipped({"../garden/sparse/0": b"x"})}) as (address, _):
        monkeypatch.setattr(download_mipnerf360, "SCENES", Archive((f"{address}/v2.zip",)))
        assert download_mipnerf360.main(["--to", str(tmp_path / "in"), "--no-extra-scenes"]) == 2
    assert "leads out of its folder" in capsys.readouterr().err
    assert not (tmp_path / "garden").exists()


def test_another_archive_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({"/v2.zip": zipped({"readme": b"x"})}) as (address, _):
        monkeypatch.setattr(download_mipnerf360, "SCENES", Archive((f"{address}/v2.zip",)))
        assert download_mipnerf360.main(["--to", str(tmp_path), "--no-extra-scenes"]) == 2
    assert "has none of the scenes" in capsys.readouterr().err


def test_names_are_those_that_the_preset_knows() -> None:
    assert set(download_mipnerf360.NAMES) == INDOOR | OUTDOOR
