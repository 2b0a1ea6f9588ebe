"""`.splat`: 32 bytes a Gaussian, in the order of importance."""

from pathlib import Path

import numpy as np
import pytest
from scipy import special

from core.errors import UserError
from core.sh import C0
from tests.viewer.formats.scenes import angles, drawn, psnr, scene
from viewer.formats.gaussians import GaussianScene
from viewer.formats.splat import read_splat, write_splat


def written(path: Path) -> GaussianScene:
    write_splat(path, scene())
    return read_splat(path)


def test_numbers_come_back_within_half_a_step(tmp_path: Path) -> None:
    back, splats = written(tmp_path / "a.splat").splats, scene().splats
    assert (tmp_path / "a.splat").stat().st_size == 32 * 700
    importance = splats.log_scales.sum(1) + special.log_expit(splats.logit_opacities)
    order = np.argsort(-importance)
    np.testing.assert_array_equal(back.means, splats.means[order])
    np.testing.assert_allclose(back.log_scales, splats.log_scales[order], atol=1e-6)
    opacities = special.expit(splats.logit_opacities[order])
    np.testing.assert_allclose(special.expit(back.logit_opacities), opacities, atol=0.5 / 255 + 1e-6)
    colors = np.clip(0.5 + C0 * splats.sh[order, 0], 0, 1)
    np.testing.assert_allclose(0.5 + C0 * back.sh[:, 0], colors, atol=0.5 / 255 + 1e-6)
    # Four numbers wrong by half a step of 1/128, and the 1 that the largest byte is one step short of.
    assert angles(back.quats, splats.quats[order]).max() < 2 * np.sqrt(4) / 128


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    one = scene(1, 0)
    one.splats.means[:] = 1, 2, -3
    one.splats.log_scales[:] = np.log(np.float32([0.5, 1, 2]))
    one.splats.logit_opacities[:] = 0
    one.splats.quats[:] = 0, 0, -5, 0
    one.splats.sh[:] = 0
    write_splat(tmp_path / "one.splat", one)
    expected = np.float32([1, 2, -3, 0.5, 1, 2]).tobytes() + bytes([128, 128, 128, 128, 128, 128, 0, 128])
    assert (tmp_path / "one.splat").read_bytes() == expected


def test_it_looks_as_before_but_for_what_depends_on_the_direction(tmp_path: Path) -> None:
    splats = scene().splats
    flat = splats._replace(sh=splats.sh[:, :1])
    write_splat(tmp_path / "a.splat", GaussianScene(flat))
    assert psnr(drawn(read_splat(tmp_path / "a.splat").splats), drawn(flat)) > 45


@pytest.mark.parametrize("size", [0, 31, 32 * 700 - 1])
def test_a_file_that_is_cut_off(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.splat"
    write_splat(path, scene())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"a\.splat is cut off"):
        read_splat(path)
