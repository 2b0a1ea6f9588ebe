"""What a folder is taken for, and how a command line says how to read it."""

import subprocess
import sys
from pathlib import Path

import pytest

from core import cli
from core.errors import UserError
from scene.datasets import READERS, CaptureOptions, declared_test_images, open_capture
from tests.scene.datasets.sources import write_colmap, write_transforms


def test_the_flags_that_people_know() -> None:
    words = ["-i", "images_4", "-r", "4", "-d", "depths"]
    words += ["--extra_downscale", "2", "--alpha", "mask", "--source-format", "colmap"]
    options = cli.parse(CaptureOptions, args=words)
    assert options == CaptureOptions(
        images="images_4",
        resolution=4,
        depths="depths",
        extra_downscale=2,
        alpha="mask",
        source_format="colmap",
    )
    assert cli.parse(CaptureOptions, args=["-r", "-1"]) == CaptureOptions()


def test_every_reader_can_be_asked_for(tmp_path: Path) -> None:
    write_colmap(tmp_path, count=2)
    for reader in READERS:
        words = ["--source-format", reader.name]
        assert cli.parse(CaptureOptions, args=words).source_format == reader.name
    assert len({reader.name for reader in READERS}) == len(READERS)


def test_only_what_is_a_capture_declares_test_images(tmp_path: Path) -> None:
    assert declared_test_images(tmp_path) == ()
    write_transforms(tmp_path, test_filenames=["images/0002.png"])
    assert declared_test_images(tmp_path) == ("0002.png",)


def test_the_format_can_be_chosen(tmp_path: Path) -> None:
    write_colmap(tmp_path, count=2)
    write_transforms(tmp_path, count=3)
    assert len(open_capture(tmp_path)) == 2
    assert len(open_capture(tmp_path, CaptureOptions(source_format="transforms"))) == 3
    with pytest.raises(UserError, match=r"is no capture: transforms_train\.json \(Blender\) was expected"):
        open_capture(tmp_path, CaptureOptions(source_format="blender"))


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere does not exist; the folder of a capture was expected"):
        open_capture(tmp_path / "nowhere")
    (tmp_path / "film.mp4").write_bytes(b"")
    with pytest.raises(UserError, match=r"film\.mp4 is a file, not a folder"):
        open_capture(tmp_path / "film.mp4")


def test_a_folder_that_is_no_capture_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it holds nothing"):
        open_capture(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"")
    expected = (
        r"sparse/0/cameras\.bin .*, transforms\.json .*, transforms_train\.json .*, but it holds film\.mp4"
    )
    with pytest.raises(UserError, match=expected):
        open_capture(tmp_path)


def test_pycolmap_leaves_cv2_working(repository: Path, tmp_path: Path) -> None:
    """In a process that has loaded neither numpy nor cv2 before: pycolmap first would abort it here."""
    program = (
        "from scene.datasets.pycolmap_import import pycolmap\n"
        "import cv2, numpy, sys\n"
        "print(cv2.imwrite(sys.argv[1], numpy.zeros((4, 4, 3), numpy.uint8)), pycolmap.Camera().width >= 0)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "image.png")]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
