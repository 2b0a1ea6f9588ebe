"""Sets of classes are consistent with themselves."""

import pytest

from core.errors import UserError
from scene.occupancy.classes import CLASS_SETS, FREE, ClassSet, class_set


@pytest.mark.parametrize("each", CLASS_SETS.values(), ids=CLASS_SETS)
def test_a_set_is_consistent(each: ClassSet) -> None:
    assert class_set(each.name) is each
    assert len(set(each.names)) == len(each) == len(each.colours)
    assert each.names[FREE] == "free"
    assert len(set(each.colours)) == len(each), "two classes cannot be told apart"
    assert all(0 <= value <= 255 for colour in each.colours for value in colour)
    indices = (*each.ground, *each.movable)
    assert len(set(indices)) == len(indices)
    assert all(FREE < index < len(each) for index in indices)
    assert each.names[each.vehicle] in ("vehicle", "car")


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(UserError, match="'kitti' are unknown; one of carlasc"):
        class_set("kitti")


def test_each_class_needs_a_colour() -> None:
    with pytest.raises(ValueError, match="2 classes and 1 colours"):
        ClassSet("x", ("free", "car"), ((0, 0, 0),), ground=(), movable=(1,))
