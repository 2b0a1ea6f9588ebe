"""`.spz`: Niantic's bytes, read and written."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from core.errors import UserError
from core.ply import SplatArrays, read_splats_ply
from tests.viewer.formats.scenes import angles, drawn, psnr, scene
from viewer.formats import spz
from viewer.formats.gaussians import turned
from viewer.formats.spz import fraction_bits, read_spz, write_spz


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("antialiased", [False, True])
def test_numbers_come_back_within_half_a_step(degree: int, antialiased: bool, tmp_path: Path) -> None:
    path, before = tmp_path / "a.spz", replace(scene(degree=degree), antialiased=antialiased)
    write_spz(path, before)
    after = read_spz(path)
    assert after.antialiased == antialiased
    splats, back = before.splats, after.splats
    np.testing.assert_allclose(back.means, splats.means, atol=0.5 / 2**12 + 1e-6)
    np.testing.assert_allclose(back.log_scales, splats.log_scales, atol=0.5 / 16 + 1e-6)
    opacities = special.expit(splats.logit_opacities)
    np.testing.assert_allclose(special.expit(back.logit_opacities), opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(back.sh[:, 0], splats.sh[:, 0], atol=0.5 / 255 / 0.15 + 1e-6)
    np.testing.assert_allclose(back.sh[:, 1:], splats.sh[:, 1:], atol=2.5 / 128 + 1e-6)
    assert angles(back.quats, splats.quats).max() < 2 * np.sqrt(12) * np.sqrt(0.5) / 511 / 2


def test_it_looks_as_before(tmp_path: Path) -> None:
    before = scene()
    write_spz(tmp_path / "a.spz", before)
    assert psnr(drawn(read_spz(tmp_path / "a.spz").splats), drawn(before.splats)) > 40


def test_the_same_scene_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.spz", "b.spz"):
        write_spz(tmp_path / name, scene())
    assert (tmp_path / "a.spz").read_bytes() == (tmp_path / "b.spz").read_bytes()


def test_axes_are_right_up_back(tmp_path: Path) -> None:
    """The first position in the stream is x, -y, -z in 4096ths, 24 bits each."""
    one = scene(1, 0)
    one.splats.means[:] = 1, 2, 3
    write_spz(tmp_path / "one.spz", one)
    data = gzip.decompress((tmp_path / "one.spz").read_bytes())
    assert struct.unpack("<IIIBBBB", data[:16]) == (0x5053474E, 3, 1, 0, 12, 0, 0)
    steps = [int.from_bytes(data[at : at + 3], "little", signed=True) for at in (16, 19, 22)]
    assert steps == [4096, -2 * 4096, -3 * 4096]


def test_version_2_is_read(tmp_path: Path) -> None:
    """Rotations as three bytes x, y, z; here of a turn by 90 degrees about the y axis that points up."""
    half = np.sqrt(0.5)
    turn = np.rint(np.array([0, half, 0]) * 127.5 + 127.5).astype(np.uint8).tobytes()
    header = struct.pack("<IIIBBBB", 0x5053474E, 2, 1, 0, 12, 0, 0)
    (tmp_path / "two.spz").write_bytes(gzip.compress(header + bytes(9) + b"\xff\x80\x80\x80\0\0\0" + turn))
    splats = read_spz(tmp_path / "two.spz").splats
    np.testing.assert_allclose(splats.quats, [[half, 0, -half, 0]], atol=0.01)
    np.testing.assert_allclose(splats.log_scales, [[-10, -10, -10]])


def test_a_far_scene_gets_fewer_fractions(tmp_path: Path) -> None:
    assert fraction_bits(np.float32([[0, 0, 2047]])) == 12
    assert fraction_bits(np.float32([[0, 0, -2049]])) == 11
    far = scene()
    far.splats.means[0] = 1e5, -1e5, 0
    write_spz(tmp_path / "far.spz", far)
    back = read_spz(tmp_path / "far.spz").splats
    np.testing.assert_allclose(back.means, far.splats.means, atol=0.5 / 2**6 + 1e-2)
    with pytest.raises(UserError, match="--crop"):
        fraction_bits(np.float32([[1e7, 0, 0]]))


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.99])
def test_a_file_that_is_cut_off(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "a.spz"
    write_spz(path, scene())
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"a\.spz is cut off"):
        read_spz(path)


def test_a_header_that_claims_too_much_takes_no_memory(tmp_path: Path) -> None:
    header = struct.pack("<IIIBBBB", 0x5053474E, 3, 2**32 - 1, 3, 12, 0, 0)
    (tmp_path / "a.spz").write_bytes(gzip.compress(header + bytes(100)))
    with pytest.raises(UserError, match="cut off"):
        read_spz(tmp_path / "a.spz")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"not gzip at all", "is no .spz file"),
        (gzip.compress(b"something else entirely"), "is no .spz file of version 2 or 3"),
        (gzip.compress(struct.pack("<IIIBBBB", 0x5053474E, 4, 1, 0, 12, 0, 0)), "version 2 or 3"),
        (gzip.compress(struct.pack("<IIIBBBB", 0x5053474E, 3, 1, 4, 12, 0, 0)), "degree 4"),
    ],
    ids=["no gzip", "no header", "version 4", "degree 4"],  # gzip writes the time: the data name no test
)
def test_other_files(data: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.spz").write_bytes(data)
    with pytest.raises(UserError, match=told):
        read_spz(tmp_path / "a.spz")


def test_another_program_reads_the_same(tmp_path: Path) -> None:
    """The reader of gaussforge, which is Niantic's, leaves axes as they are in the file."""
    gaussforge = pytest.importorskip("gaussforge")
    write_spz(tmp_path / "a.spz", scene())
    told = gaussforge.GaussForge().convert((tmp_path / "a.spz").read_bytes(), "spz", "ply")
    (tmp_path / "b.ply").write_bytes(told["data"])
    theirs, ours = turned(read_splats_ply(tmp_path / "b.ply")), read_spz(tmp_path / "a.spz").splats
    for name in ("means", "log_scales", "sh"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-5, err_msg=name)
    assert angles(ours.quats, theirs.quats).max() < 1e-3
    opacities = special.expit(ours.logit_opacities), special.expit(theirs.logit_opacities)
    np.testing.assert_allclose(*opacities, atol=0.3 / 255)


def test_what_another_program_writes_is_read(tmp_path: Path) -> None:
    gaussforge = pytest.importorskip("gaussforge")
    from core.ply import write_splats_ply  # noqa: PLC0415

    splats = scene().splats
    write_splats_ply(tmp_path / "a.ply", turned(splats))
    for version in (2, 3):
        told = gaussforge.GaussForge().convert(
            (tmp_path / "a.ply").read_bytes(), "ply", "spz", spz_version=version
        )
        (tmp_path / "b.spz").write_bytes(told["data"])
        back = read_spz(tmp_path / "b.spz").splats
        np.testing.assert_allclose(back.means, splats.means, atol=0.5 / 2**12 + 1e-6)
        np.testing.assert_allclose(back.sh[:, 1:], splats.sh[:, 1:], atol=8.5 / 128)
        assert psnr(drawn(back), drawn(splats)) > 30


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_spz(tmp_path / "a.spz", scene())
    small = lambda count: (slice(start, min(start + 64, count)) for start in range(0, count, 64))  # noqa: E731
    monkeypatch.setattr(spz, "blocks", small)
    write_spz(tmp_path / "b.spz", scene())
    back: SplatArrays = read_spz(tmp_path / "b.spz").splats
    monkeypatch.undo()
    for ours, theirs in zip(read_spz(tmp_path / "a.spz").splats, back, strict=True):
        np.testing.assert_array_equal(ours, theirs)
