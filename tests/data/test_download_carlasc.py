"""What the command says about CarlaSC, and what a check of a download finds."""

from pathlib import Path

import pytest

from data.download_carlasc import PAGE, main
from tests.scene.occupancy.recordings import write_carlasc


@pytest.fixture
def download(tmp_path: Path) -> Path:
    for name in ("Train/Town01_Light", "Train/Town02_Light", "Test/Town10_Light"):
        write_carlasc(tmp_path / "Cartesian" / name)
    return tmp_path


def test_it_says_what_to_fetch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().err
    assert PAGE in said
    assert "Train: 80 GB, 18 scenes of 1800 frames" in said
    assert "--check carlasc" in said


@pytest.mark.parametrize("inside", ["", "Cartesian"])
def test_a_whole_download(download: Path, inside: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(download / inside), "--frames", "3"]) == 0
    said = capsys.readouterr().err
    assert "Train: 2 scenes of 3 frames (18 are published)" in said
    assert "Test: 1 scenes" in said


def test_what_is_missing_is_told(download: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = download / "Cartesian" / "Train" / "Town02_Light" / "cartesian"
    (scene / "evaluation" / "000001.label").unlink()
    (scene / "evaluation" / "000002.bin").write_bytes(b"cut")
    (scene / "poses.txt").unlink()
    assert main(["--check", str(download), "--frames", "3"]) == 2
    said = capsys.readouterr().err
    assert "has 2 .label files; 3 were expected" in said
    assert "000002.bin has 3 bytes; 192 were expected" in said
    assert "poses.txt has 0 rows; 3 were expected" in said
    assert "Town01_Light" not in said
    assert said.splitlines()[-1].startswith("error: ")


def test_published_scenes_have_1800_frames(download: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(download)]) == 2
    said = capsys.readouterr().err
    assert "has 3 .label files; 1800 were expected" in said
    assert "1 more" in said


def test_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(tmp_path)]) == 2
    assert "holds none of Cartesian/{Train,Val,Test}" in capsys.readouterr().err
    (tmp_path / "Train").mkdir()
    assert main(["--check", str(tmp_path)]) == 2
    assert "holds no scenes" in capsys.readouterr().err
