"""Views of a street as files."""

from pathlib import Path

import numpy as np

from core.images import read_image
from tests.training.test_street_runs import make_run
from training.street_runs import open_street
from training.street_videos import shifted
from training.street_views import depth_picture, picture, write_view


def test_a_view_is_written_beside_its_photograph(tmp_path: Path) -> None:
    street = open_street(make_run(tmp_path))
    row = 5  # of the right camera, which has the red box before it
    drawn, seconds = write_view(street, row, tmp_path / "out", 7)
    assert seconds > 0
    files = {kind: read_image(tmp_path / "out" / kind / "00007.png") for kind in ("renders", "gt", "depth")}
    assert np.array_equal(files["renders"], picture(drawn))
    assert np.array_equal(files["gt"], street.capture.images[row].numpy())
    assert np.array_equal(files["depth"], depth_picture(drawn))
    moving = read_image(tmp_path / "out" / "moving" / "00007.png")
    assert moving[..., 0].max() > 100, "the box"
    assert (moving[drawn.moving.numpy() < 1e-3] == 0).all(), "black stays black"
    beside = street.draw(row, camera=shifted(street.capture.cameras[row], 1.0))
    assert not np.array_equal(picture(beside), picture(drawn))
