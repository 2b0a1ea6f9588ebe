"""Boxes, degrees, and what is not finite."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import UserError
from core.ply import SplatArrays
from tests.viewer.formats.scenes import scene
from viewer.export_part import PartOptions, part_of
from viewer.formats.gaussians import GaussianScene


def test_all_of_a_scene_is_not_copied() -> None:
    whole = scene()
    part = part_of(whole, PartOptions())
    assert all(np.shares_memory(left, right) for left, right in zip(part.splats, whole.splats, strict=True))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_lower_degrees_keep_their_coefficients(degree: int) -> None:
    part = part_of(scene(), PartOptions(sh_degree=degree))
    np.testing.assert_array_equal(part.splats.sh, scene().splats.sh[:, : (degree + 1) ** 2])


def test_a_box_keeps_what_is_inside() -> None:
    whole = scene()
    part = part_of(whole, PartOptions(crop=(-0.5, 0.5, -1.0, 0.0, 0.1, 9.0)))
    low, high = np.array([-0.5, -1, 0.1]), np.array([0.5, 0, 9])
    inside = ((whole.splats.means >= low) & (whole.splats.means <= high)).all(1)
    assert 0 < len(part) < len(whole)
    np.testing.assert_array_equal(part.splats.means, whole.splats.means[inside])
    np.testing.assert_array_equal(part.splats.sh, whole.splats.sh[inside])
    assert part.title == whole.title


@pytest.mark.parametrize("table", range(5))
def test_what_is_not_finite_is_left_out_and_told(table: int, capsys: pytest.CaptureFixture[str]) -> None:
    broken = scene()
    broken.splats[table][[3, 8]] = np.nan
    part = part_of(broken, PartOptions())
    assert len(part) == 698
    assert "2 Gaussians that are not finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (PartOptions(sh_degree=4), "--sh-degree 4: 0 to 3"),
        (PartOptions(sh_degree=-1), "--sh-degree -1"),
        (PartOptions(crop=(1.0, 0.0, 0.0, 1.0, 0.0, 1.0)), "--crop 1 0 0 1 0 1: X0 X1"),
        (PartOptions(crop=(50.0, 60.0, 0.0, 1.0, 0.0, 1.0)), "leaves nothing; the scene reaches over -"),
    ],
)
def test_parts_that_make_no_sense(options: PartOptions, told: str) -> None:
    with pytest.raises(UserError, match=told):
        part_of(scene(), options)


def test_scenes_of_nothing() -> None:
    nothing = GaussianScene(SplatArrays(*(table[:0] for table in scene(1).splats)))
    with pytest.raises(UserError, match="holds no Gaussians"):
        part_of(nothing, PartOptions())
    unknown = scene(2)
    unknown.splats.means[:] = np.inf
    with pytest.raises(UserError, match="no Gaussian of the scene is finite"):
        part_of(replace(unknown), PartOptions())
