"""Which method a command line gets."""

from pathlib import Path

import pytest

from configs.methods import METHODS, choose_method
from core.errors import UserError
from tests.scene.datasets.sources import write_colmap, write_image
from tests.scene.published import write_published


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    write_colmap(tmp_path / "colmap")
    write_image(tmp_path / "bare" / "0.png", 32, 24)
    write_published(tmp_path / "predicted", rearranged=True)
    (tmp_path / "film.mp4").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "method"),
    [("colmap", "static"), ("bare", "dynamic"), ("predicted", "dynamic"), ("film.mp4", "dynamic")],
)
@pytest.mark.parametrize("spelling", ["-s {}", "--source-path {}", "--source_path={}", "--source-path={}"])
def test_the_source_decides(sources: Path, name: str, method: str, spelling: str) -> None:
    words = [word.format(sources / name) for word in spelling.split()]
    assert choose_method(["-m", "run", *words]) == (method, ["-m", "run", *words])


def test_a_named_method_is_taken_whatever_the_source_is(sources: Path) -> None:
    for method in METHODS:
        words = ["-s", str(sources / "film.mp4")]
        assert choose_method([method, *words]) == (method, words)


def test_without_a_source_a_parser_says_so() -> None:
    assert choose_method(["--help"])[0] in METHODS
    assert choose_method(["-m", "run", "-s"])[0] in METHODS


def test_a_source_that_is_nothing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent does not exist"):
        choose_method(["-s", str(tmp_path / "absent")])
