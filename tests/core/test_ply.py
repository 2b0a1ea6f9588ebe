"""PLY files come back as they were written, and can be read the way others write them."""

import os
from pathlib import Path

import numpy as np
import plyfile
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.ply import (
    PointArrays,
    SplatArrays,
    count_vertices,
    read_points_ply,
    read_splats_ply,
    write_das3r_ply,
    write_points_ply,
    write_splats_ply,
)


def make_splats(count: int, degree: int, seed: int = 0) -> SplatArrays:
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    coefficients = (degree + 1) ** 2
    return SplatArrays(
        normal(count, 3), normal(count, 4), normal(count, 3), normal(count), normal(count, coefficients, 3)
    )


def assert_equal(left: SplatArrays, right: SplatArrays) -> None:
    for name, ours, theirs in zip(SplatArrays._fields, left, right, strict=True):
        assert np.array_equal(ours, theirs), name
        assert ours.flags.c_contiguous, name


@given(st.integers(0, 50), st.integers(0, 3), st.integers(0, 9))
def test_splats_round_trip(
    tmp_path_factory: pytest.TempPathFactory, count: int, degree: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("mit Umlaut ä") / "point cloud.ply"
    splats = make_splats(count, degree, seed)
    write_splats_ply(path, splats)
    assert_equal(read_splats_ply(path), splats)


@given(st.integers(0, 50), st.integers(0, 9))
def test_points_round_trip(tmp_path_factory: pytest.TempPathFactory, count: int, seed: int) -> None:
    path = tmp_path_factory.mktemp("points") / "input.ply"
    random = np.random.default_rng(seed)
    xyz = random.normal(size=(count, 3)).astype(np.float32)
    rgb = random.integers(0, 256, (count, 3), dtype=np.uint8)
    write_points_ply(path, PointArrays(xyz, rgb))
    again = read_points_ply(path)
    assert np.array_equal(again.xyz, xyz)
    assert np.array_equal(again.rgb, rgb)
    torch.from_numpy(again.xyz)  # raises for odd strides


def test_layout_is_the_one_viewers_expect(tmp_path: Path) -> None:
    splats = make_splats(2, degree=3)
    write_splats_ply(tmp_path / "a.ply", splats)
    content = (tmp_path / "a.ply").read_bytes()
    header, body = content.split(b"end_header\n", 1)
    names = [line.split()[-1] for line in header.decode().splitlines() if line.startswith("property float ")]
    assert names == (
        ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
        + [f"f_rest_{index}" for index in range(45)]
        + ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    )
    assert b"format binary_little_endian 1.0" in header
    assert len(body) == 2 * 248
    second = dict(zip(names, np.frombuffer(body, "<f4")[62:], strict=True))
    assert second["f_rest_14"] == splats.sh[1, 15, 0]  # the last coefficient of red
    assert second["f_rest_15"] == splats.sh[1, 1, 1]  # the first of green
    assert second["rot_0"] == splats.quats[1, 0]  # w comes first
    assert second["nx"] == 0


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_any_order_of_properties_and_any_encoding(tmp_path: Path, text: bool, byte_order: str) -> None:
    splats = make_splats(5, degree=2)
    write_splats_ply(tmp_path / "ours.ply", splats)
    table = plyfile.PlyData.read(tmp_path / "ours.ply")["vertex"].data
    shuffled = list(np.random.default_rng(1).permutation(table.dtype.names))
    # Others add properties, drop normals, store doubles, and put other elements in front.
    theirs = np.zeros(len(table), [("segment", "i4"), *((n, "f8") for n in shuffled if n[0] != "n")])
    for name in theirs.dtype.names[1:]:
        theirs[name] = table[name]
    vertex = plyfile.PlyElement.describe(theirs, "vertex")
    camera = plyfile.PlyElement.describe(np.zeros(1, [("focal", "f4")]), "camera")
    plyfile.PlyData([camera, vertex], text=text, byte_order=byte_order).write(str(tmp_path / "theirs.ply"))
    assert_equal(read_splats_ply(tmp_path / "theirs.ply"), splats)


def test_points_without_colors_are_grey_and_float_colors_are_scaled(tmp_path: Path) -> None:
    bare = np.array([(1, 2, 3)], [("x", "f8"), ("y", "f8"), ("z", "f8")])
    plyfile.PlyData([plyfile.PlyElement.describe(bare, "vertex")]).write(str(tmp_path / "bare.ply"))
    assert read_points_ply(tmp_path / "bare.ply").rgb.tolist() == [[128, 128, 128]]
    fields = [(name, "f4") for name in ("x", "y", "z", "red", "green", "blue")]
    colored = np.array([(1, 2, 3, 0.0, 0.5, 1.0)], fields)
    plyfile.PlyData([plyfile.PlyElement.describe(colored, "vertex")]).write(str(tmp_path / "float.ply"))
    points = read_points_ply(tmp_path / "float.ply")
    assert points.xyz.tolist() == [[1, 2, 3]]
    assert points.rgb.tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.2, 0.9999])
def test_a_file_cut_off_anywhere_is_named(tmp_path: Path, fraction: float) -> None:
    path = tmp_path / "cut.ply"
    write_splats_ply(path, make_splats(100, degree=3))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(UserError, match=r"cut\.ply is cut off or is no PLY file"):
        read_splats_ply(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"ply\nformat ascii 1.0\nelement face 0\nproperty int a\nend_header\n", "no vertices"),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n0\n",
            "no property y, z, f_dc_0",
        ),
        (
            b"ply\nformat ascii 1.0\nelement vertex 0\nproperty uint packed_position\nend_header\n",
            "compressed",
        ),
    ],
)
def test_what_is_no_splat_file_says_why(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "odd.ply").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_splats_ply(tmp_path / "odd.ply")


def test_a_degree_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "degree.ply"
    write_splats_ply(path, make_splats(1, degree=1))
    path.write_bytes(path.read_bytes().replace(b"f_rest_8", b"h_rest_8"))
    with pytest.raises(UserError, match="8 properties f_rest"):
        read_splats_ply(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*missing\.ply: it does not exist"):
        read_points_ply(tmp_path / "missing.ply")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.ply"
    splats = make_splats(3, degree=0)
    write_splats_ply(path, splats)

    def refuse(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UserError, match="the disk is full"):
        write_splats_ply(path, make_splats(3, degree=1))
    assert_equal(read_splats_ply(path), splats)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.ply"]


FACTORS = st.lists(st.floats(-0.5, 1.5, width=32), min_size=1, max_size=20)


@given(FACTORS, st.integers(0, 9))
def test_das3r_s_files_have_its_attributes_and_the_opacity_of_the_static_scene(
    tmp_path_factory: pytest.TempPathFactory, factors: list[float], seed: int
) -> None:
    path = tmp_path_factory.mktemp("das3r") / "point_cloud.ply"
    splats = make_splats(len(factors), degree=3, seed=seed)
    staticness = np.array(factors, np.float32)
    write_das3r_ply(path, splats, staticness)
    stored = plyfile.PlyData.read(path)["vertex"].data
    assert stored.dtype.names is not None
    assert len(stored.dtype.names) == 64
    assert stored.dtype.names[53:58] == ("f_rest_44", "opacity_ori", "opacity", "conf_static", "scale_0")
    assert np.array_equal(stored["opacity_ori"], splats.logit_opacities)
    assert np.array_equal(stored["conf_static"], staticness)
    again = read_splats_ply(path)
    assert_equal(again._replace(logit_opacities=splats.logit_opacities), splats)
    assert np.isfinite(again.logit_opacities).all()
    expected = 1 / (1 + np.exp(-splats.logit_opacities.astype(np.float64))) * staticness.clip(0, 1)
    found = 1 / (1 + np.exp(-again.logit_opacities.astype(np.float64)))
    assert found == pytest.approx(expected, abs=2e-6)
    # An ordinary viewer, which looks at `opacity` alone, sees the same.
    assert np.array_equal(stored["opacity"], again.logit_opacities)


def test_das3r_s_own_infinities_are_read_as_finite(tmp_path: Path) -> None:
    """Its files have logit(sigmoid(o) s), which is not finite where s is not within (0, 1)."""
    path = tmp_path / "theirs.ply"
    write_das3r_ply(path, make_splats(3, degree=3), np.array([-1.0, 0.5, 9.0], np.float32))
    content = plyfile.PlyData.read(path)
    stored = np.array(content["vertex"].data)
    stored["opacity"] = (np.nan, 0.0, np.inf)
    vertex = plyfile.PlyElement.describe(stored, "vertex")
    plyfile.PlyData([vertex], byte_order="<").write(str(path))
    assert np.isfinite(read_splats_ply(path).logit_opacities).all()


def test_vertices_are_counted_whatever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "points.ply"
    for count in (0, 3):
        xyz = np.zeros((count, 3), np.float32)
        write_points_ply(path, PointArrays(xyz, np.zeros((count, 3), np.uint8)))
        assert count_vertices(path) == count
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="cut off"):
        count_vertices(path)
