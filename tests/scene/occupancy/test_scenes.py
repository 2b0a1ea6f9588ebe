"""Scenes read what they are asked for, and nothing else."""

from dataclasses import replace

import pytest

from scene.occupancy.scenes import Frame, OccupancyData
from tests.scene.occupancy.recordings import frame_of, scene


def test_only_the_frames_asked_for_are_read() -> None:
    asked: list[int] = []

    def read(frame: int) -> Frame:
        asked.append(frame)
        return frame_of(frame), None

    recorded = replace(scene(), read_frame=read)
    got = recorded.read([6, 2])
    assert asked == [6, 2]
    assert got.classes[0].equal(frame_of(6))
    assert got.classes[1].equal(frame_of(2))
    assert got.frame_names == ("000006", "000002")
    assert got.world_from_ego is not None
    assert recorded.world_from_ego is not None
    assert got.world_from_ego.equal(recorded.world_from_ego[[6, 2]])


def test_time_between_frames_counts_those_left_out() -> None:
    assert scene().read(range(0, 9, 3)).seconds_per_frame == pytest.approx(0.3)
    assert scene().read([4]).seconds_per_frame == pytest.approx(0.1)


def test_masks_are_there_for_all_frames_or_none() -> None:
    def read(frame: int) -> Frame:
        classes = frame_of(frame)
        return classes, None if frame == 1 else classes == 0

    recorded = replace(scene(), read_frame=read, world_from_ego=None)
    assert recorded.read([0, 2]).invalid is not None
    assert recorded.read([0, 1]).invalid is None
    assert recorded.read([0]).world_from_ego is None


def test_a_data_set_keeps_its_scenes() -> None:
    data = OccupancyData("carlasc", train=(scene("a", 4), scene("b", 5)), test=())
    assert [len(each) for each in data.train] == [4, 5]
