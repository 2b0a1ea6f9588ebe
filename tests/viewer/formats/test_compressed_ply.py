"""`.compressed.ply`: PlayCanvas' chunks of 256 neighbours."""

from pathlib import Path

import numpy as np
import plyfile
import pytest
from scipy import special

from core.errors import UserError
from core.ply import read_splats_ply, write_splats_ply
from core.sh import C0
from tests.viewer.formats.scenes import angles, drawn, psnr, scene
from viewer.formats.compressed_ply import (
    is_compressed_ply,
    morton_order,
    read_compressed_ply,
    write_compressed_ply,
)
from viewer.formats.gaussians import take


def spans(values: np.ndarray) -> np.ndarray:
    """How far each row's chunk of 256 reaches."""
    chunks = [values[start : start + 256] for start in range(0, len(values), 256)]
    return np.concatenate([np.ones_like(chunk) * (chunk.max(0) - chunk.min(0)) for chunk in chunks])


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_numbers_come_back_within_half_a_step(degree: int, tmp_path: Path) -> None:
    before = scene(degree=degree)
    write_compressed_ply(tmp_path / "a.compressed.ply", before)
    back = read_compressed_ply(tmp_path / "a.compressed.ply").splats
    splats = take(before.splats, morton_order(before.splats.means))
    most = np.array([2047, 1023, 2047])
    assert (np.abs(back.means - splats.means) <= spans(splats.means) / most / 2 + 1e-6).all()
    assert (np.abs(back.log_scales - splats.log_scales) <= spans(splats.log_scales) / most / 2 + 1e-6).all()
    colors, back_colors = C0 * splats.sh[:, 0], C0 * back.sh[:, 0]
    assert (np.abs(back_colors - colors) <= spans(colors) / 255 / 2 + 1e-6).all()
    opacities = special.expit(splats.logit_opacities)
    np.testing.assert_allclose(special.expit(back.logit_opacities), opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(back.sh[:, 1:], splats.sh[:, 1:], atol=0.5 * 8 / 256 + 1e-6)
    assert angles(back.quats, splats.quats).max() < 2 * np.sqrt(12) * np.sqrt(2) / 1023 / 2


def test_it_looks_as_before(tmp_path: Path) -> None:
    before = scene()
    write_compressed_ply(tmp_path / "a.compressed.ply", before)
    back = read_compressed_ply(tmp_path / "a.compressed.ply")
    assert psnr(drawn(back.splats), drawn(before.splats)) > 45


def test_the_header_is_that_of_the_format(tmp_path: Path) -> None:
    write_compressed_ply(tmp_path / "a.compressed.ply", scene())
    elements = plyfile.PlyData.read(str(tmp_path / "a.compressed.ply"))
    assert [(element.name, element.count) for element in elements] == [
        ("chunk", 3),
        ("vertex", 700),
        ("sh", 700),
    ]
    names = [each.name for each in elements["chunk"].properties]
    assert names[:6] == ["min_x", "min_y", "min_z", "max_x", "max_y", "max_z"]
    assert names[6:] == [
        "min_scale_x", "min_scale_y", "min_scale_z", "max_scale_x", "max_scale_y", "max_scale_z",
        "min_r", "min_g", "min_b", "max_r", "max_g", "max_b",
    ]  # fmt: skip
    packed = [each.name for each in elements["vertex"].properties]
    assert packed == ["packed_position", "packed_rotation", "packed_scale", "packed_color"]
    assert [each.name for each in elements["sh"].properties] == [f"f_rest_{row}" for row in range(45)]


def test_morton_order_is_a_permutation_that_keeps_neighbours_together() -> None:
    means = np.random.default_rng(1).uniform(size=(4096, 3)).astype(np.float32)
    order = morton_order(means)
    np.testing.assert_array_equal(np.sort(order), np.arange(4096))
    jumps = np.linalg.norm(np.diff(means[order], axis=0), axis=1)
    assert jumps.mean() < 0.2 * np.linalg.norm(np.diff(means, axis=0), axis=1).mean()
    corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float32)
    np.testing.assert_array_equal(morton_order(corners), np.arange(8))


def test_gaussians_in_one_place(tmp_path: Path) -> None:
    """Chunks without an extent come back exactly, and nothing is divided by it."""
    before = scene(300)
    for table in before.splats:
        table[:] = table[0]
    write_compressed_ply(tmp_path / "a.compressed.ply", before)
    back = read_compressed_ply(tmp_path / "a.compressed.ply").splats
    np.testing.assert_array_equal(back.means, before.splats.means)
    np.testing.assert_allclose(back.log_scales, before.splats.log_scales, atol=1e-6)


@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_another_program_reads_the_same(writer: str, tmp_path: Path) -> None:
    converter = pytest.importorskip("gaussforge").GaussForge()
    path = tmp_path / "a.compressed.ply"
    if writer == "ours":
        write_compressed_ply(path, scene())
    else:
        write_splats_ply(tmp_path / "a.ply", scene().splats)
        path.write_bytes(
            converter.convert((tmp_path / "a.ply").read_bytes(), "ply", "compressed.ply")["data"]
        )
    (tmp_path / "b.ply").write_bytes(converter.convert(path.read_bytes(), "compressed.ply", "ply")["data"])
    theirs, ours = read_splats_ply(tmp_path / "b.ply"), read_compressed_ply(path).splats
    for name in ("means", "log_scales", "sh"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-5, err_msg=name)
    assert angles(ours.quats, theirs.quats).max() < 2e-3


def test_which_files_are_compressed(tmp_path: Path) -> None:
    write_compressed_ply(tmp_path / "a.ply", scene(3))
    write_splats_ply(tmp_path / "b.ply", scene(3).splats)
    assert is_compressed_ply(tmp_path / "a.ply")
    assert not is_compressed_ply(tmp_path / "b.ply")
    assert not is_compressed_ply(tmp_path / "c.ply")


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_is_cut_off(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "a.compressed.ply"
    write_compressed_ply(path, scene())
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"a\.compressed\.ply is cut off"):
        read_compressed_ply(path)


def test_other_files(tmp_path: Path) -> None:
    write_splats_ply(tmp_path / "a.compressed.ply", scene(3).splats)
    with pytest.raises(UserError, match="holds no compressed Gaussians"):
        read_compressed_ply(tmp_path / "a.compressed.ply")
