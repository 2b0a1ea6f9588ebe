"""A source is told by its files."""

from pathlib import Path

import pytest

from core.errors import UserError
from scene.sources import kind_of_source
from tests.scene.datasets.sources import write_colmap, write_image, write_transforms
from tests.scene.published import write_published
from tests.training.videos import tiny_video, write_video


def test_each_kind(tmp_path: Path) -> None:
    write_colmap(tmp_path / "colmap")
    write_transforms(tmp_path / "nerf")
    write_image(tmp_path / "bare" / "0.png", 32, 24)
    write_image(tmp_path / "davis" / "JPEGImages" / "0.png", 32, 24)
    (tmp_path / "film.mp4").touch()
    kinds = {
        "colmap": "capture",
        "nerf": "capture",
        "bare": "video",
        "davis": "video",
        "film.mp4": "video",
        "raw": "prediction",
        "rearranged": "prediction",
    }
    for name in ("raw", "rearranged"):
        write_published(tmp_path / name, rearranged=name == "rearranged")
    assert {name: kind_of_source(tmp_path / name) for name in kinds} == kinds


def test_what_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "docs").mkdir()
    for name in "abcdefgh":
        (tmp_path / "docs" / f"{name}.tex").touch()
    cases = {
        "absent": "absent does not exist; a video, a folder of its frames, or the folder of a capture",
        "empty": r"empty is neither a capture \(.*COLMAP.*\) nor a video or its frames; it holds nothing",
        "docs": r"it holds a\.tex, b\.tex, c\.tex, d\.tex, e\.tex, f\.tex, \.\.\.",
        "docs/a.tex": r"a\.tex is neither a video nor a folder",
    }
    for name, sentence in cases.items():
        with pytest.raises(UserError, match=sentence):
            kind_of_source(tmp_path / name)


def test_a_video_of_another_ending_is_one_and_other_files_are_none(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4", tiny_video(2)).rename(tmp_path / "film.ts")
    assert kind_of_source(film) == "video"
    write_image(tmp_path / "picture.png", 32, 24)
    (tmp_path / "notes.txt").write_text("no film " * 500)
    for name in ("picture.png", "notes.txt"):
        with pytest.raises(UserError, match="is neither a video nor a folder"):
            kind_of_source(tmp_path / name)
