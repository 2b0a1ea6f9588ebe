"""Which videos are learned from, and which are held out."""

from pathlib import Path

import pytest

from core.errors import UserError
from data.rearrange_pointodyssey import rearrange_sequence
from scene.datasets.motion_videos import open_motion_videos, sintel_sequences
from scene.datasets.pointodyssey import PointOdyssey
from tests.scene.datasets import odyssey
from tests.scene.datasets.motions_on_disk import write_sintel


def test_of_sequences_in_sintels_layout_every_fourth_is_held_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "e"):
        write_sintel(tmp_path / name / "sintel" / "training", name)
    train, test = open_motion_videos(tmp_path)
    assert train.names == ["a", "b", "c", "e"]
    assert test.names == ["d"]
    assert train.frame_counts == [3] * 4
    pair = train.pair(0, 0, 2)
    assert pair.first.size == (64, 48)
    assert 0.05 < float(pair.first.dynamic.float().mean()) < 0.3
    assert float(pair.first.depths.max()) == pytest.approx(6.0)
    assert float(pair.first_from_second[0, 3]) == pytest.approx(0.6)


def test_of_two_the_second_is_held_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sintel(tmp_path / "training", name)
    assert [path.name for path in sintel_sequences(tmp_path)] == ["a", "b"]
    train, test = open_motion_videos(tmp_path)
    assert (train.names, test.names) == (["a"], ["b"])


def test_held_out_videos_may_be_elsewhere(tmp_path: Path) -> None:
    write_sintel(tmp_path / "mine" / "training", "a")
    rearrange_sequence(odyssey.write_sequence(tmp_path / "other" / "test" / "gliding"))
    train, test = open_motion_videos(tmp_path / "mine", tmp_path / "other")
    assert train.names == ["a"]
    assert isinstance(test, PointOdyssey)


def test_pointodyssey_has_splits_of_its_own(tmp_path: Path) -> None:
    for split in ("train", "test"):
        rearrange_sequence(odyssey.write_sequence(tmp_path / split / f"for_{split}"))
    train, test = open_motion_videos(tmp_path, z_far=5.0)
    assert (train.names, test.names) == (["for_train"], ["for_test"])
    assert float(train.pair(0, 0, 1).first.depths.max()) < 5


def test_a_folder_of_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 0 sequences"):
        open_motion_videos(tmp_path)
    write_sintel(tmp_path / "training", "alone")
    with pytest.raises(UserError, match="has 1 sequences"):
        open_motion_videos(tmp_path)
