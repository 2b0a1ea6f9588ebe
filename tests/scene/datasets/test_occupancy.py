"""Which data set of occupancy a folder holds."""

from pathlib import Path

import pytest

from core.errors import UserError
from scene.datasets import occupancy as subject
from scene.datasets.occupancy import open_occupancy
from scene.occupancy.scenes import OccupancyData
from tests.scene.occupancy.recordings import write_carlasc


@pytest.mark.parametrize("above", ["Cartesian", ""])
def test_carlasc_by_its_folder_or_the_one_above(tmp_path: Path, above: str) -> None:
    write_carlasc(tmp_path / above / "Train" / "Town01_Light")
    write_carlasc(tmp_path / above / "Test" / "Town10_Heavy")
    data = open_occupancy(tmp_path)
    assert data.name == "carlasc"
    assert [scene.name for scene in (*data.train, *data.test)] == ["Town01_Light", "Town10_Heavy"]


@pytest.mark.parametrize("inside", ["gts", "training", "validation"])
def test_occ3d_by_what_lies_inside(tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / inside).mkdir()
    read = OccupancyData("occ3d", (), ())
    monkeypatch.setattr(subject, "read_occ3d", {tmp_path: read}.__getitem__)
    assert open_occupancy(tmp_path) is read


def test_anything_else_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no occupancy: Cartesian/Train/SCENE.*gts/SCENE/TOKEN"):
        open_occupancy(tmp_path)
    with pytest.raises(UserError, match="none is no folder"):
        open_occupancy(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is no folder"):
        open_occupancy(tmp_path / "file")
