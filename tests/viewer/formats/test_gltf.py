"""`.glb`: glTF that says what the extension says it should."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy import special

from core.errors import UserError
from core.sh import C0
from tests.viewer.formats.scenes import angles, drawn, psnr, scene
from viewer.formats.gaussians import turned
from viewer.formats.gltf import EXTENSION, read_glb, write_glb


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """The description and the buffer, read anew from the words of glTF's specification."""
    data = path.read_bytes()
    magic, version, size = struct.unpack("<III", data[:12])
    assert (magic, version, size) == (0x46546C67, 2, len(data))
    length, kind = struct.unpack("<II", data[12:20])
    assert kind == 0x4E4F534A
    assert length % 4 == 0
    rest = data[20 + length :]
    assert struct.unpack("<II", rest[:8]) == (len(rest) - 8, 0x004E4942)
    return json.loads(data[20 : 20 + length]), rest[8:]


def rebuilt(path: Path, described: dict[str, Any], buffer: bytes) -> None:
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<III", 0x46546C67, 2, 28 + len(text) + len(buffer))
    path.write_bytes(
        head
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + struct.pack("<II", len(buffer), 0x004E4942)
        + buffer
    )


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_numbers_come_back(degree: int, tmp_path: Path) -> None:
    before = scene(degree=degree)
    write_glb(tmp_path / "a.glb", before)
    back = read_glb(tmp_path / "a.glb").splats
    np.testing.assert_array_equal(back.means, before.splats.means)
    np.testing.assert_array_equal(back.sh, before.splats.sh)
    np.testing.assert_allclose(back.log_scales, before.splats.log_scales, atol=1e-6)
    np.testing.assert_allclose(back.logit_opacities, before.splats.logit_opacities, atol=1e-4)
    assert angles(back.quats, before.splats.quats).max() < 1e-6
    assert psnr(drawn(back), drawn(before.splats)) > 100


def test_the_description_is_that_of_the_extension(tmp_path: Path) -> None:
    before = scene()
    write_glb(tmp_path / "a.glb", before)
    described, buffer = parts(tmp_path / "a.glb")
    assert described["extensionsUsed"] == [EXTENSION]
    primitive = described["meshes"][0]["primitives"][0]
    assert primitive["mode"] == 0
    kind = primitive["extensions"][EXTENSION]
    assert (kind["kernel"], kind["colorSpace"]) == ("ellipse", "srgb_rec709_display")
    rest = {f"{EXTENSION}:SH_DEGREE_{d}_COEF_{n}" for d in range(4) for n in range(2 * d + 1)}
    plain = {f"{EXTENSION}:{name}" for name in ("ROTATION", "SCALE", "OPACITY")}
    assert set(primitive["attributes"]) == {"POSITION", "COLOR_0"} | plain | rest

    def values(name: str) -> np.ndarray:
        accessor = described["accessors"][primitive["attributes"][name]]
        view = described["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        dtype = {5126: "<f4", 5121: "u1"}[accessor["componentType"]]
        return np.frombuffer(
            buffer, dtype, view["byteLength"] // np.dtype(dtype).itemsize, view["byteOffset"]
        )

    up = turned(before.splats)
    np.testing.assert_array_equal(values("POSITION").reshape(-1, 3), up.means)
    position = described["accessors"][0]
    np.testing.assert_array_equal([position["min"], position["max"]], [up.means.min(0), up.means.max(0)])
    np.testing.assert_allclose(values(f"{EXTENSION}:SCALE"), np.exp(up.log_scales).ravel(), rtol=1e-6)
    np.testing.assert_allclose(values(f"{EXTENSION}:OPACITY"), special.expit(up.logit_opacities), rtol=1e-5)
    xyzw = values(f"{EXTENSION}:ROTATION").reshape(-1, 4)
    np.testing.assert_allclose(np.linalg.norm(xyzw, axis=1), 1, atol=1e-6)
    assert angles(np.roll(xyzw, 1, axis=1), up.quats).max() < 1e-6
    np.testing.assert_array_equal(values(f"{EXTENSION}:SH_DEGREE_2_COEF_1").reshape(-1, 3), up.sh[:, 5])
    rgb = values("COLOR_0").reshape(-1, 4)[:, :3] / 255
    np.testing.assert_allclose(rgb, np.clip(0.5 + C0 * up.sh[:, 0], 0, 1), atol=0.5 / 255 + 1e-6)


def test_elsewhere_it_is_a_cloud_of_points(tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", scene())
    loaded = trimesh.load(tmp_path / "a.glb")
    assert isinstance(loaded, trimesh.Scene)
    (cloud,) = loaded.geometry.values()
    assert isinstance(cloud, trimesh.PointCloud)
    np.testing.assert_allclose(cloud.vertices, turned(scene().splats).means, atol=1e-6)


def test_logarithms_of_scales_of_a_draft_are_told_by_their_sign(tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", scene())
    described, buffer = parts(tmp_path / "a.glb")
    number = described["meshes"][0]["primitives"][0]["attributes"][f"{EXTENSION}:SCALE"]
    view = described["bufferViews"][number]
    start, stop = view["byteOffset"], view["byteOffset"] + view["byteLength"]
    draft = np.log(np.frombuffer(buffer[start:stop], "<f4")).tobytes()
    rebuilt(tmp_path / "b.glb", described, buffer[:start] + draft + buffer[stop:])
    np.testing.assert_allclose(
        read_glb(tmp_path / "b.glb").splats.log_scales, scene().splats.log_scales, atol=1e-6
    )


def test_rotations_in_whole_numbers_are_read(tmp_path: Path) -> None:
    """Other programs may store signed shorts that stand for shares, with a stride."""
    write_glb(tmp_path / "a.glb", scene())
    described, buffer = parts(tmp_path / "a.glb")
    xyzw = np.roll(turned(scene().splats).quats, -1, axis=1).astype(np.float64)
    xyzw /= np.linalg.norm(xyzw, axis=1, keepdims=True)
    shorts = np.zeros((700, 6), "<i2")
    shorts[:, :4] = np.rint(xyzw * 32767)
    described["bufferViews"].append(
        {"buffer": 0, "byteOffset": len(buffer), "byteLength": shorts.nbytes, "byteStride": 12}
    )
    number = described["meshes"][0]["primitives"][0]["attributes"][f"{EXTENSION}:ROTATION"]
    described["accessors"][number] |= {
        "componentType": 5122, "normalized": True, "bufferView": len(described["bufferViews"]) - 1
    }  # fmt: skip
    rebuilt(tmp_path / "b.glb", described, buffer + shorts.tobytes())
    back = read_glb(tmp_path / "b.glb").splats
    assert angles(back.quats, scene().splats.quats).max() < 4 / 32767


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_off(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    write_glb(path, scene())
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"a\.glb is cut off"):
        read_glb(path)


def spoil(described: dict[str, Any], how: str) -> None:
    primitive = described["meshes"][0]["primitives"][0]
    if how == "no cloud":
        del primitive["extensions"]
    elif how == "moved":
        described["nodes"][0]["translation"] = [0, 1, 0]
    elif how == "compressed":
        primitive["extensions"][EXTENSION]["extensions"] = {"KHR_gaussian_splatting_compression_spz": {}}
    elif how == "without scales":
        del primitive["attributes"][f"{EXTENSION}:SCALE"]
    elif how == "beyond the buffer":
        described["accessors"][0]["count"] = 10**6
    elif how == "backwards":
        described["bufferViews"][0]["byteStride"] = -4
    elif how == "on the spot":
        described["accessors"][0]["count"], described["bufferViews"][0]["byteStride"] = 10**12, 0
    else:
        described["meshes"] = 3


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("no cloud", "0 clouds of Gaussians"), ("moved", "nodes move"), ("compressed", "are compressed"),
        ("without scales", "no .glb of Gaussians"), ("beyond the buffer", "cut off"),
        ("backwards", "cut off"), ("on the spot", "cut off"), ("nonsense", "no .glb"),
    ],
)  # fmt: skip
def test_other_files(how: str, told: str, tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", scene(5))
    described, buffer = parts(tmp_path / "a.glb")
    spoil(described, how)
    rebuilt(tmp_path / "a.glb", described, buffer)
    with pytest.raises(UserError, match=told):
        read_glb(tmp_path / "a.glb")
