import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.voxels import vote

BUILDING, PEDESTRIAN, POLE, ROAD, SIDEWALK = (
    CARLASC.names.index(name) for name in ("building", "pedestrian", "pole", "road", "sidewalk")
)


def winner(counts: dict[int, int], elsewhere: dict[int, int] | None = None) -> int:
    """The class of voxel 0 of two, the second of which holds other points."""
    classes = [kind for kind, count in counts.items() for _ in range(count)]
    others = [kind for kind, count in (elsewhere or {}).items() for _ in range(count)]
    voxels = torch.tensor([0] * len(classes) + [1] * len(others))
    return int(vote(voxels, torch.tensor(classes + others, dtype=torch.uint8), CARLASC, 2)[0][0])


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 4, 5, 9, 10])), max_size=60))
def test_what_has_most_points_wins(points: list[tuple[int, int]]) -> None:
    """Of things that stand: the winner has as many points as any, and points are counted."""
    voxels = torch.tensor([voxel for voxel, _ in points], dtype=torch.long)
    classes, counts = vote(voxels, torch.tensor([c for _, c in points], dtype=torch.uint8), CARLASC, 6)
    for voxel in range(6):
        inside = [kind for place, kind in points if place == voxel]
        assert int(counts[voxel]) == len(inside)
        if inside:
            assert inside.count(int(classes[voxel])) == max(inside.count(kind) for kind in inside)
        else:
            assert int(classes[voxel]) == 0


def test_what_stands_wins_over_the_ground() -> None:
    assert winner({ROAD: 30, PEDESTRIAN: 10}) == PEDESTRIAN
    assert winner({ROAD: 20, SIDEWALK: 15, PEDESTRIAN: 5, POLE: 6}) == POLE
    assert winner({ROAD: 99, PEDESTRIAN: 1}) == ROAD
    assert winner({ROAD: 3, SIDEWALK: 5}) == SIDEWALK


def test_of_equals_the_rarer_wins() -> None:
    assert winner({BUILDING: 3, PEDESTRIAN: 3}, {BUILDING: 5}) == PEDESTRIAN
    assert winner({BUILDING: 3, PEDESTRIAN: 3}, {PEDESTRIAN: 5}) == BUILDING
    assert winner({BUILDING: 4, PEDESTRIAN: 3}, {BUILDING: 5}) == BUILDING
