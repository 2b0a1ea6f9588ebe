"""Clips cover a log, overlap as asked, and their videos show each frame once."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.video import video_writer
from core.video_input import VideoInput
from training.street_clips import ClipsConfig, clips_of, join_videos


@given(st.integers(1, 60), st.integers(2, 20), st.data())
def test_clips_cover_the_log_and_overlap(count: int, length: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, length - 1))
    numbers = list(range(7, 7 + count))
    clips = clips_of(numbers, ClipsConfig(length, overlap))
    assert {number for first, last in clips for number in range(first, last + 1)} == set(numbers)
    assert all(last - first + 1 == min(length, count) for first, last in clips)
    for (_, end), (start, _) in itertools.pairwise(clips):
        assert end - start + 1 >= overlap
    assert len(set(clips)) == len(clips)


@pytest.mark.parametrize(("frames", "overlap"), [(1, 0), (-3, 0), (5, 5), (5, -1)])
def test_clips_that_cannot_be_are_refused(frames: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        ClipsConfig(frames, overlap)


def test_joined_videos_have_each_frame_once(tmp_path: Path) -> None:
    numbers, clips = list(range(10, 22)), [(10, 15), (13, 18), (16, 21)]
    for first, last in clips:
        with video_writer(tmp_path / f"{first}" / "rgbs.mp4", 10, quality=1) as video:
            for number in range(first, last + 1):
                video.write(np.full((32, 48, 3), 10 * number, np.uint8))
    folders = [tmp_path / f"{first}" for first, _ in clips]
    join_videos(folders, clips, numbers, tmp_path / "out")
    shown = [
        round(float(frame.image.mean()) / 10) for frame in VideoInput(tmp_path / "out" / "rgbs.mp4").frames()
    ]
    assert shown == numbers
