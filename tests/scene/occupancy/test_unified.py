from dataclasses import replace

import pytest
import torch

from core.errors import UserError
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO, ClassSet
from scene.occupancy.unified import unified


@pytest.mark.parametrize("source", [OCC3D_NUSCENES, OCC3D_WAYMO])
def test_free_space_alone_becomes_free(source: ClassSet) -> None:
    table = unified(source)
    assert len(table) == len(source)
    assert torch.nonzero(table == 0)[:, 0].tolist() == [0]


def test_waymo_keeps_nine_classes_besides_free() -> None:
    names = {CARLASC.names[kind] for kind in unified(OCC3D_WAYMO)[1:].tolist()}
    assert names == set(CARLASC.names) - {"free", "barrier", "ground"}


def test_nuscenes_keeps_all() -> None:
    assert sorted(set(unified(OCC3D_NUSCENES).tolist())) == list(range(len(CARLASC)))


@pytest.mark.parametrize(
    ("source", "name", "target"),
    [
        (OCC3D_NUSCENES, "bus", "vehicle"),
        (OCC3D_NUSCENES, "motorcycle", "bicycle"),
        (OCC3D_NUSCENES, "terrain", "ground"),
        (OCC3D_WAYMO, "tree trunk", "vegetation"),
        (OCC3D_WAYMO, "construction cone", "pole"),
        (OCC3D_WAYMO, "walkable", "sidewalk"),
    ],
)
def test_some_of_the_table(source: ClassSet, name: str, target: str) -> None:
    assert CARLASC.names[int(unified(source)[source.names.index(name)])] == target


def test_ground_and_what_moves_stay_so() -> None:
    for source in (OCC3D_NUSCENES, OCC3D_WAYMO):
        table = unified(source)
        assert set(table[list(source.ground)].tolist()) <= set(CARLASC.ground)
        assert set(table[list(source.movable)].tolist()) <= set(CARLASC.movable)


def test_its_own_classes_and_unknown_ones() -> None:
    assert unified(CARLASC).tolist() == list(range(12))
    with pytest.raises(UserError, match="'mine' have no counterparts"):
        unified(replace(CARLASC, name="mine"))
