"""Which file belongs to which frame, and parts of masks at another size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import UserError
from core.images import write_png
from core.tum import write_tum
from evaluation.ground_truth import (
    PredictedVideo,
    match_files,
    match_masks,
    match_trajectory,
    nearest,
    of_sequence,
    read_mask,
)
from tests.evaluation.conftest import make_video_run


def touch(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def matched(folder: Path, names: list[str]) -> list[str | None]:
    found = match_files(folder, {".png"}, names)
    return [found[row].name if row in found else None for row in range(len(names))]


def test_files_go_by_name_and_may_be_missing(tmp_path: Path) -> None:
    folder = touch(tmp_path, ["00000.png", "00001.png", "00002.png", "00003.txt"])
    assert matched(folder, ["00000.jpg", "00002.jpg", "00003.jpg"]) == ["00000.png", "00002.png", None]


def test_names_that_only_look_alike_go_by_order(tmp_path: Path) -> None:
    """Numbered from 0 and from 1: going by name would be off by one frame."""
    folder = touch(tmp_path, ["frame_1.png", "frame_2.png", "frame_10.png"])
    names = ["frame_0.png", "frame_1.png", "frame_2.png"]
    assert matched(folder, names) == ["frame_1.png", "frame_2.png", "frame_10.png"]


def test_frames_of_a_video_file_are_numbers(tmp_path: Path) -> None:
    folder = touch(tmp_path, [f"m{row}.png" for row in range(12)])
    assert matched(folder, ["3", "10"]) == ["m3.png", "m10.png"]


def test_where_nothing_tells_there_is_no_guess(tmp_path: Path) -> None:
    folder = touch(tmp_path / "masks", ["a.png", "b.png", "c.png"])
    with pytest.raises(UserError, match=r"none of which is named like x\.jpg, and there are 2 frames"):
        match_files(folder, {".png"}, ["x.jpg", "y.jpg"])
    with pytest.raises(UserError, match="is no folder"):
        match_files(tmp_path / "absent", {".png"}, ["x.jpg"])


def test_a_data_set_has_a_part_for_each_sequence(tmp_path: Path) -> None:
    touch(tmp_path / "dog", ["0.png"])
    touch(tmp_path, ["cat.txt"])
    assert of_sequence(tmp_path, "dog") == tmp_path / "dog"
    assert of_sequence(tmp_path, "cat") == tmp_path / "cat.txt"
    assert of_sequence(tmp_path / "dog", "dog") == tmp_path / "dog"


def test_any_label_but_0_moves(tmp_path: Path) -> None:
    label = np.array([[0, 1, 38, 255]], np.uint8)
    write_png(tmp_path / "m.png", label)
    assert read_mask(tmp_path / "m.png").tolist() == [[False, True, True, True]]
    palette = Image.fromarray(np.array([[0, 1, 2, 0]], np.uint8), mode="P")
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    palette.save(tmp_path / "p.png")
    assert read_mask(tmp_path / "p.png").tolist() == [[False, True, True, False]]
    Image.fromarray(np.repeat(np.repeat(np.array([[0, 255]], np.uint8), 8, 0), 8, 1)).save(tmp_path / "m.jpg")
    assert read_mask(tmp_path / "m.jpg")[0].tolist() == [False] * 8 + [True] * 8


SIDES = st.integers(1, 30)


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 99))
def test_whole_masks_are_resized_as_pillow_does(
    height: int, width: int, new_height: int, new_width: int, seed: int
) -> None:
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) < 0.5
    found = nearest(mask, (0.0, 0.0, 1.0, 1.0), (1, 1), new_width, new_height)
    pillow = Image.fromarray(mask.numpy().astype(np.uint8)).resize(
        (new_width, new_height), Image.Resampling.NEAREST
    )
    different = found.numpy() != (np.array(pillow) > 0)
    # Where a centre falls on an edge between two pixels, rounding decides.
    x, y = ((np.arange(new) + 0.5) * old / new for new, old in ((new_width, width), (new_height, height)))
    on_edge = (np.abs(x - x.round()) < 1e-4)[None] | (np.abs(y - y.round()) < 1e-4)[:, None]
    assert not (different & ~on_edge).any()


def test_a_crop_is_cut_out_at_the_size_of_the_mask(tmp_path: Path) -> None:
    """Sintel: 1024x436 is shown at 512x218, and of that the rows 5 to 213 are looked at."""
    mask = torch.zeros(436, 1024, dtype=torch.bool)
    mask[10:426] = True
    assert nearest(mask, (0.0, 10.0, 1024.0, 416.0), (1024, 436), 512, 208).all()
    found = nearest(mask, (0.0, 0.0, 1024.0, 416.0), (1024, 436), 512, 208)
    assert found.sum(0).tolist() == [208 - 5] * 512
    small = mask[::2, ::2]
    assert nearest(small, (0.0, 10.0, 1024.0, 416.0), (1024, 436), 512, 208).all()


def test_true_poses_go_by_order_or_by_time(tmp_path: Path) -> None:
    video = PredictedVideo.open(make_video_run(tmp_path).prediction)
    truth = video.stored.cameras.c2w.double()
    write_tum(tmp_path / "all.txt", [float(row) for row in range(12)], truth)
    rows, c2w = match_trajectory(tmp_path / "all.txt", video)
    assert rows.tolist() == list(range(12))
    torch.testing.assert_close(c2w, truth)
    times = [0.004 + row / 48 for row in range(30)]  # twice as many, a little late
    write_tum(tmp_path / "fast.txt", times, truth[[min(row // 2, 11) for row in range(30)]])
    rows, c2w = match_trajectory(tmp_path / "fast.txt", video)
    assert rows.tolist() == list(range(12))
    torch.testing.assert_close(c2w, truth)
    write_tum(tmp_path / "other.txt", [1e9, 1e9 + 1], truth[:2])
    with pytest.raises(UserError, match="2 poses for 12 frames, and 0 of their timestamps agree"):
        match_trajectory(tmp_path / "other.txt", video)


def test_names_may_be_timestamps(tmp_path: Path) -> None:
    stored = PredictedVideo.open(make_video_run(tmp_path, frames=3, held_out=()).prediction).stored
    names = ("1305031102.175304.png", "1305031102.211214.png", "1305031102.243211.png")
    video = PredictedVideo(stored, names, (0.0, 1.0, 2.0))
    poses = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1)
    write_tum(tmp_path / "t.txt", [1305031102.17, 1305031102.19, 1305031102.21, 1305031102.245], poses)
    assert match_trajectory(tmp_path / "t.txt", video)[0].tolist() == [0, 1, 2]


def test_masks_of_a_run(tmp_path: Path) -> None:
    video = PredictedVideo.open(make_video_run(tmp_path).prediction)
    found = match_masks(tmp_path / "truth" / "dog", video.original_names)
    assert [path.name for path in found.values()] == list(video.original_names)


def test_sintel_s_cameras_are_a_path_too(tmp_path: Path) -> None:
    video = PredictedVideo.open(make_video_run(tmp_path).prediction)
    (tmp_path / "cameras").mkdir()
    viewmats = video.stored.cameras.viewmats.double().numpy()
    for row, viewmat in enumerate(viewmats):
        values = np.concatenate([np.eye(3).ravel(), viewmat[:3].ravel()])
        content = np.float32(202021.25).tobytes() + values.astype("<f8").tobytes()
        (tmp_path / "cameras" / f"frame_{row + 1:04d}.cam").write_bytes(content)
    rows, c2w = match_trajectory(tmp_path / "cameras", video)
    assert rows.tolist() == list(range(12))
    torch.testing.assert_close(c2w, video.stored.cameras.c2w.double())
