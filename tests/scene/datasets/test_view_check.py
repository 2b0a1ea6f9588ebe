"""Views that cannot be drawn are refused, with the name of the view."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from scene.datasets.lenses import Lens
from scene.datasets.source import SourceView
from scene.datasets.view_check import check_orientation, check_view
from tests.scene.datasets.sources import OPENCV, ring

VIEW = SourceView("a.png", Path("a.png"), ring(4)[1], OPENCV)


def posed(entry: float) -> SourceView:
    viewmat = VIEW.viewmat.copy()
    viewmat[0, 0] = entry
    return replace(VIEW, viewmat=viewmat)


def test_a_rigid_pose_and_a_lens_will_do() -> None:
    check_view(VIEW)
    check_orientation(VIEW, 320, 240)
    check_orientation(VIEW, 100, 100)


@pytest.mark.parametrize("entry", [np.nan, np.inf, 1.5])
def test_poses(entry: float) -> None:
    with pytest.raises(UserError, match=r"the pose of a\.png is"):
        check_view(posed(entry))


@pytest.mark.parametrize("params", [(np.nan, 12.0, 12.0), (-30.0, 16.0, 12.0)])
def test_lenses(params: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match=r"the camera of a\.png is broken"):
        check_view(replace(VIEW, lens=Lens("SIMPLE_PINHOLE", params, 32, 24)))


def test_an_image_on_its_side() -> None:
    with pytest.raises(UserError, match=r"240x320, but its camera was calibrated for 32x24"):
        check_orientation(VIEW, 240, 320)
