"""Which views are held out: who decides, and what a split always is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from scene.cameras import Cameras
from scene.capture import Capture
from scene.splits import SplitMode, SplitOptions, split_views
from tests.scene.datasets.sources import write_transforms


def make_capture(count: int, source: Path | None = None) -> Capture:
    cameras = Cameras(
        torch.eye(4).repeat(count, 1, 1),
        torch.eye(3).repeat(count, 1, 1),
        torch.ones(count, dtype=torch.int64),
        torch.ones(count, dtype=torch.int64),
    )
    names = tuple(f"frame_{index + 1:05d}.png" for index in range(count))
    images = [torch.zeros(1, 1, 3, dtype=torch.uint8)] * count
    return Capture("garden", source, cameras, names, images)


@given(
    st.integers(1, 60),
    st.floats(0.01, 1.0),
    st.sampled_from(["contiguous", "uniform"]),
    st.integers(0, 1000),
)
def test_a_drawn_split_divides_the_views(count: int, share: float, mode: SplitMode, seed: int) -> None:
    options = SplitOptions(split=share, split_mode=mode, seed=seed)
    split = split_views(make_capture(count), options)
    assert sorted(split.train + split.test) == list(range(count))
    assert list(split.train) == sorted(split.train)
    assert list(split.test) == sorted(split.test)
    assert len(split.train) == max(1, round(share * count))
    assert split == split_views(make_capture(count), options)
    gaps = [after - before for before, after in zip(split.train, split.train[1:], strict=False)]
    if mode == "contiguous":
        assert set(gaps) <= {1}
    elif gaps:
        assert max(gaps) - min(gaps) <= 1


def test_the_seed_moves_the_chunk_over_all_places() -> None:
    capture = make_capture(20)
    starts = {split_views(capture, SplitOptions(split=0.9, seed=seed)).train[0] for seed in range(60)}
    assert starts == {0, 1, 2}


def test_eval_holds_out_every_eighth() -> None:
    split = split_views(make_capture(20), SplitOptions(eval=True))
    assert split.test == (0, 8, 16)
    assert len(split.train) == 17


@pytest.mark.parametrize(("count", "held_out"), [(20, 2), (33, 3), (40, 4), (49, 5), (50, 5), (60, 6)])
def test_das3r_holds_out_one_view_in_ten(count: int, held_out: int) -> None:
    split = split_views(make_capture(count), SplitOptions(hold_out="das3r", eval=True))
    assert split.test == tuple(row for row in range(count) if (row + 5) % 10 == 0)
    assert (len(split.test), len(split.train)) == (held_out, count - held_out)


def test_das3r_s_rule_on_a_short_video_trains_on_all() -> None:
    assert split_views(make_capture(5), SplitOptions(hold_out="das3r")).test == ()


def test_without_options_every_view_trains() -> None:
    split = split_views(make_capture(3), SplitOptions())
    assert (split.train, split.test) == ((0, 1, 2), ())


def test_who_decides(tmp_path: Path) -> None:
    write_transforms(tmp_path, count=10, test_filenames=["images/0005.png"])
    (tmp_path / "partition.json").write_text(json.dumps({"train": [0, 1, 2], "test": [4, 3]}))
    capture = replace(make_capture(10, tmp_path), image_names=tuple(f"{i + 1:04d}.png" for i in range(10)))
    everything = SplitOptions(test_images=("0002.png",), split=0.5, eval=True)
    assert split_views(capture, everything).test == (1,)
    rest = replace(everything, test_images=())
    partition = split_views(capture, rest)
    assert (partition.train, partition.test) == ((0, 1, 2), (3, 4))  # views 5 to 9 are not used
    (tmp_path / "partition.json").unlink()
    assert len(split_views(capture, rest).train) == 5
    assert split_views(capture, replace(rest, split=None)).test == (4,)  # the data set's own list
    write_transforms(tmp_path, count=10)
    assert split_views(capture, replace(rest, split=None)).test == (0, 8)
    assert split_views(capture, SplitOptions()).test == ()


@pytest.mark.parametrize("name", ["frame_00003.png", "frame_00003"])
def test_names_go_with_and_without_extension(name: str) -> None:
    assert split_views(make_capture(5), SplitOptions(test_images=(name,))).test == (2,)


def test_names_go_without_their_folder_where_that_is_clear() -> None:
    names = ("left/1.png", "left/2.png", "right/2.png")
    capture = replace(make_capture(3), image_names=names)
    assert split_views(capture, SplitOptions(test_images=("1",))).test == (0,)
    assert split_views(capture, SplitOptions(test_images=("right/2.png", "left/2"))).test == (1, 2)
    with pytest.raises(UserError, match=r"names 2\.png, which could be left/2\.png, right/2\.png"):
        split_views(capture, SplitOptions(test_images=("2.png",)))


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UserError, match=r"--test-images names frame_0003, .* near it are .*frame_00003"):
        split_views(make_capture(5), SplitOptions(test_images=("frame_0003",)))


def test_a_partition_may_state_names(tmp_path: Path) -> None:
    (tmp_path / "partition.json").write_text(
        json.dumps({"train": ["frame_00001"], "test": ["frame_00002.png"]})
    )
    split = split_views(make_capture(2, tmp_path), SplitOptions())
    assert (split.train, split.test) == ((0,), (1,))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", r'was expected to hold \{"train"'),
        ('{"train": [0]}', r'was expected to hold \{"train"'),
        ('{"train": 3, "test": []}', '"train" in .* is no list'),
        ('{"train": [0, 9], "test": []}', "lists 9; positions from 0 to 4"),
        ('{"train": [0, true], "test": []}', "lists True"),
        ('{"train": [0, 1], "test": [1]}', r"lists view 1 \(frame_00002\.png\) more than once"),
        ('{"train": [0, 0], "test": []}', "lists view 0 .* more than once"),
        ('{"train": [], "test": [0]}', "no view of garden is left for training"),
    ],
)
def test_a_broken_partition_says_why(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "partition.json").write_text(content)
    with pytest.raises(UserError, match=sentence):
        split_views(make_capture(5, tmp_path), SplitOptions())


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(UserError, match="a share of the views between 0 and 1"):
        split_views(make_capture(5), SplitOptions(split=share))


def test_a_view_must_be_left_to_train() -> None:
    with pytest.raises(UserError, match="no view of garden is left"):
        split_views(make_capture(1), SplitOptions(eval=True))
    with pytest.raises(UserError, match="all 2 are held out"):
        split_views(make_capture(2), SplitOptions(test_images=("frame_00001", "frame_00002")))
