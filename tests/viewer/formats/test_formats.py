"""What holds for every format: scenes come back, what is broken is told, memory is not wasted."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.ply import SplatArrays
from tests.viewer.formats.scenes import drawn, psnr, scene
from viewer.formats import FORMATS, FormatName, SceneFormat, format_of
from viewer.formats.gaussians import GaussianScene

EVERY = pytest.mark.parametrize("name", list(FORMATS))


def bytes_of(splats: SplatArrays) -> int:
    return sum(table.nbytes for table in splats)


@EVERY
def test_a_scene_of_constant_colours_comes_back(name: FormatName, tmp_path: Path) -> None:
    """Degree 0, which all formats hold."""
    path, before = tmp_path / f"mit Umlaut ä{FORMATS[name].ending}", scene(degree=0)
    FORMATS[name].write(path, before)
    back = FORMATS[name].read(path).splats
    assert [table.dtype for table in back] == [np.float32] * 5
    assert back.sh.shape == (700, 1, 3)
    assert psnr(drawn(back), drawn(before.splats)) > 40
    assert not list(tmp_path.glob(".*"))


@EVERY
def test_one_gaussian(name: FormatName, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].ending}"
    FORMATS[name].write(path, scene(1))
    back = FORMATS[name].read(path).splats
    np.testing.assert_allclose(back.means, scene(1).splats.means, atol=1e-3)


@EVERY
def test_what_is_no_such_file(name: FormatName, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].ending}"
    with pytest.raises(UserError, match=r"cannot read .*a\."):
        FORMATS[name].read(path)
    path.write_bytes(b"<html>404 not found</html>\n")
    with pytest.raises(UserError, match=r"a\."):
        FORMATS[name].read(path)


@EVERY
def test_large_scenes_take_little_memory(name: FormatName, tmp_path: Path) -> None:
    """Beside the scene about as much as it, so that 2 million Gaussians take less than thrice their own."""
    count = 150_000
    few = scene(1000).splats
    large = GaussianScene(SplatArrays(*(np.concatenate([table] * (count // 1000)) for table in few)))
    path = tmp_path / f"a{FORMATS[name].ending}"
    tracemalloc.start()
    try:
        FORMATS[name].write(path, large)
        writing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        back = FORMATS[name].read(path)
        reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(back) == count
    assert writing < 1.4 * bytes_of(large.splats)
    assert reading < 2.2 * bytes_of(large.splats)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.ply", "ply"), ("a.compressed.ply", "compressed-ply"), ("A.SPZ", "spz"), ("a.b.splat", "splat"),
        ("a.glb", "glb"), ("page.html", "html"),
    ],
)  # fmt: skip
def test_formats_by_their_endings(file: str, name: FormatName) -> None:
    found: SceneFormat = format_of(Path(file))
    assert found is FORMATS[name]


def test_compressed_gaussians_under_the_plain_ending(tmp_path: Path) -> None:
    FORMATS["compressed-ply"].write(tmp_path / "a.ply", scene())
    assert len(FORMATS["ply"].read(tmp_path / "a.ply")) == 700


def test_unknown_endings() -> None:
    with pytest.raises(UserError, match=r"one of \.compressed\.ply, \.ply"):
        format_of(Path("a.obj"))
