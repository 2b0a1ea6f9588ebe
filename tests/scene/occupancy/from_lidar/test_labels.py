from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.files import read_json
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO
from scene.occupancy.from_lidar.labels import NO_CLASS, lookup


@pytest.mark.parametrize("numbering", ["pandaset", "lidarseg", "lidarseg16"])
def test_classes_are_occupied_or_none(numbering: str) -> None:
    table = lookup(numbering, CARLASC)
    known = table[table != NO_CLASS]
    assert len(known) > 10
    assert ((known > 0) & (known < len(CARLASC))).all()


@pytest.mark.parametrize(
    ("number", "name"),
    [(7, "road"), (13, "vehicle"), (26, "bicycle"), (30, "pedestrian"), (36, "pole"), (41, "building")],
)
def test_pandaset(number: int, name: str) -> None:
    assert CARLASC.names[int(lookup("pandaset", CARLASC)[number])] == name


def test_pandaset_has_42_numbers_of_which_five_are_nothing() -> None:
    table = lookup("pandaset", CARLASC)
    assert torch.nonzero(table[1:43] == NO_CLASS)[:, 0].add(1).tolist() == [1, 2, 3, 4, 32]
    assert (table[43:] == NO_CLASS).all()


def test_lidarseg_has_32_numbers_of_which_two_are_nothing() -> None:
    table = lookup("lidarseg", OCC3D_NUSCENES)
    assert torch.nonzero(table[:32] == NO_CLASS)[:, 0].tolist() == [0, 31]
    assert OCC3D_NUSCENES.names[int(table[17])] == "car"
    assert OCC3D_NUSCENES.names[int(table[24])] == "driveable surface"
    assert CARLASC.names[int(lookup("lidarseg", CARLASC)[24])] == "road"


def test_the_benchmark_of_lidarseg_is_occ3d_one_higher() -> None:
    table = lookup("lidarseg16", OCC3D_NUSCENES)
    assert table[1:17].tolist() == list(range(2, 18))
    assert int(table[0]) == NO_CLASS


@pytest.mark.parametrize(
    ("numbering", "class_set"), [("pandaset", OCC3D_NUSCENES), ("lidarseg", OCC3D_WAYMO)]
)
def test_other_classes_are_refused(numbering: str, class_set: object) -> None:
    with pytest.raises(UserError, match=f"--classes {class_set.name}"):  # type: ignore[attr-defined]
        lookup(numbering, class_set)  # type: ignore[arg-type]


@pytest.mark.data
def test_the_numbers_are_those_of_a_real_log(captures: Path) -> None:
    path = captures / "pandaset_002" / "annotations" / "semseg_classes.json"
    if not path.is_file():
        pytest.skip(f"{captures} has no pandaset_002")
    names = {int(number): name for number, name in read_json(path).items()}
    table = lookup("pandaset", CARLASC)
    assert sorted(names) == list(range(1, 43))
    assert {names[n] for n in names if int(table[n]) == CARLASC.names.index("road")} == {
        "Road", "Lane Line Marking", "Stop Line Marking", "Other Road Marking"
    }  # fmt: skip
    assert {names[n] for n in names if int(table[n]) == CARLASC.names.index("barrier")} == {
        "Road Barriers", "Temporary Construction Barriers"
    }  # fmt: skip
