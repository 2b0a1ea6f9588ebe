"""Paths pass through their keys, and become videos or nothing."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from core.errors import UserError
from tests.training.captures import ring, truth
from tests.viewer.subjects.splats import SplatSubject
from viewer.eyes import Eye
from viewer.recording import Key, VideoWish, new_path, path_through, record
from viewer.subject import Wish


@pytest.fixture
def keys() -> list[Key]:
    poses = ring(5).c2w[:4].double().numpy()
    eyes = [Eye(tuple(pose.ravel().tolist()), 0.8 + 0.1 * n, 64, 48) for n, pose in enumerate(poses)]
    return [Key(at, 0.5 * n) for n, at in enumerate(eyes)]


def test_a_path_passes_through_its_keys(keys: list[Key]) -> None:
    places = path_through(keys, 4001)
    for key in keys:
        nearest = min(places, key=lambda place: float(np.abs(place.eye.pose - key.eye.pose).max()))
        np.testing.assert_allclose(nearest.eye.pose, key.eye.pose, atol=0.01)
        assert nearest.eye.fov == pytest.approx(key.eye.fov, abs=0.01)
        assert nearest.time_s == pytest.approx(key.time_s, abs=0.01)
    times = [place.time_s for place in places]
    assert times == sorted(times)  # pyright: ignore[reportArgumentType]
    for place in places[::400]:
        rotation = place.eye.pose[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


def test_without_times_there_are_none(keys: list[Key]) -> None:
    assert path_through([replace(key, time_s=None) for key in keys], 3)[1].time_s is None


def test_one_key_is_no_path(keys: list[Key]) -> None:
    with pytest.raises(UserError, match="2 keyframes"):
        path_through(keys[:1], 10)


def test_a_video_of_the_path(tmp_path: Path, keys: list[Key]) -> None:
    subject, shares = SplatSubject(truth(), ring(3)), []

    def go_on(share: float) -> bool:
        shares.append(share)
        return True

    with new_path(tmp_path) as path:
        assert record(subject, Wish(view=1), keys, VideoWish(64, 48, 10.0, 1.2), path, go_on)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert float(container.streams.video[0].average_rate or 0) == 10
    assert len(frames) == len(shares) == subject.drawn == 12
    assert all(frame.shape == (48, 64, 3) and frame.std() > 5 for frame in frames)
    assert np.abs(frames[0].astype(float) - frames[-1]).mean() > 1
    with new_path(tmp_path) as path:
        assert path.name == "path_002.mp4"


def test_who_records_at_the_same_time_gets_another_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with new_path(tmp_path) as one, new_path(tmp_path / "link") as other, new_path(tmp_path / "b") as third:
        assert [path.name for path in (one, other, third)] == ["path_001.mp4", "path_002.mp4", "path_001.mp4"]
    with new_path(tmp_path) as again:
        assert again == one


def test_nothing_is_left_of_a_video_that_was_given_up(tmp_path: Path, keys: list[Key]) -> None:
    subject, path = SplatSubject(truth(), ring(3)), tmp_path / "path_001.mp4"
    assert not record(subject, Wish(), keys, VideoWish(64, 48, 10.0, 1.0), path, lambda share: share < 0.5)
    assert list(tmp_path.iterdir()) == []
