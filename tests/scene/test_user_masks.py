"""A user's masks are matched with the frames, or refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.images import encode, read_gray, write_png
from scene.frames import FrameOptions, Frames, open_frames
from scene.user_masks import masks_of, match_masks, write_masks
from tests.scene.test_shots import pan

WIDTH, HEIGHT = 96, 54


@pytest.fixture
def frames(tmp_path: Path) -> Frames:
    """Every second of ten frames."""
    for row, image in enumerate(pan(1, 10)):
        write_png(tmp_path / "walk" / f"{row:05d}.png", image)
    return open_frames(tmp_path / "walk", FrameOptions(frame_stride=2))


def masks(folder: Path, names: list[str], width: int = WIDTH, height: int = HEIGHT) -> Path:
    for row, name in enumerate(names):
        mask = np.zeros((height, width), np.uint8)
        mask[:, : row + 1] = 255
        write_png(folder / name, mask)
    return folder


def test_by_name_by_all_frames_and_by_chosen_frames(frames: Frames, tmp_path: Path) -> None:
    named = masks(tmp_path / "named", [f"{row:05d}.png" for row in range(2, 10)] + ["00000.png"])
    assert [path.stem for path in match_masks(named, frames)] == ["00000", "00002", "00004", "00006", "00008"]
    counted = masks(tmp_path / "counted", [f"m{row}.png" for row in range(10)])
    assert [path.name for path in match_masks(counted, frames)] == [f"m{row}.png" for row in range(0, 10, 2)]
    chosen = masks(tmp_path / "chosen", [f"m{row}.png" for row in range(5)])
    assert [path.name for path in match_masks(chosen, frames)] == [f"m{row}.png" for row in range(5)]


def test_of_a_folder_with_a_folder_for_each_sequence_its_own_is_taken(tmp_path: Path) -> None:
    source = tmp_path / "frames" / "walk"
    source.mkdir(parents=True)
    own = masks(tmp_path / "root" / "walk", ["0.png"])
    masks(tmp_path / "root" / "run", ["0.png"])
    assert masks_of(tmp_path / "root", source) == own
    assert masks_of(own, source) == own
    assert masks_of(tmp_path / "absent", source) == tmp_path / "absent"
    masks(tmp_path / "root", ["0.png"])
    assert masks_of(tmp_path / "root", source) == tmp_path / "root", "it holds masks itself"


def test_another_number_is_refused(frames: Frames, tmp_path: Path) -> None:
    folder = masks(tmp_path / "masks", [f"m{row}.png" for row in range(7)])
    with pytest.raises(
        UserError, match=r"masks holds 7 masks and .*walk has 10 frames, of which 5 are used; one mask"
    ):
        match_masks(folder, frames)
    with pytest.raises(UserError, match=r"--user-masks .*absent is no folder"):
        match_masks(tmp_path / "absent", frames)


def test_another_size_is_refused(frames: Frames, tmp_path: Path) -> None:
    folder = masks(tmp_path / "masks", [f"m{row}.png" for row in range(10)], width=WIDTH + 1)
    with pytest.raises(UserError, match=r"m0\.png is 97x54 pixels and the frames are 96x54"):
        match_masks(folder, frames)


def test_a_broken_mask_is_told_before_any_is_written(frames: Frames, tmp_path: Path) -> None:
    folder = masks(tmp_path / "masks", [f"m{row}.png" for row in range(10)])
    (folder / "m4.png").write_bytes((folder / "m4.png").read_bytes()[:60])
    with pytest.raises(UserError, match=r"m4\.png does not decode"):
        match_masks(folder, frames)


def test_written_masks_are_those_of_the_frames(frames: Frames, tmp_path: Path) -> None:
    folder = masks(tmp_path / "masks", [f"m{row}.png" for row in range(10)])
    written = write_masks(match_masks(folder, frames), frames, tmp_path / "out")
    assert [path.name for path in sorted(written.iterdir())] == list(frames.facts.names)
    for place, row in enumerate(frames.rows):
        mask = read_gray(written / frames.facts.names[place])
        assert mask.shape == (HEIGHT, WIDTH)
        assert np.array_equal(mask[0] == 255, np.arange(WIDTH) <= row)


def test_labels_and_lossy_masks(frames: Frames, tmp_path: Path) -> None:
    """Any label but 0 moves; what a JPEG makes of black does not."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 10:20], mask[30:40, 30:40] = 1, 2
    for row in range(10):
        write_png(tmp_path / "labels" / f"{row}.png", mask)
    first = write_masks(match_masks(tmp_path / "labels", frames), frames, tmp_path / "out")
    assert np.array_equal(read_gray(first / "00000.png") > 0, mask > 0)
    (tmp_path / "lossy").mkdir()
    for row in range(10):
        (tmp_path / "lossy" / f"{row}.jpg").write_bytes(encode((mask > 0) * np.uint8(255), ".jpg", 1, 60))
    second = write_masks(match_masks(tmp_path / "lossy", frames), frames, tmp_path / "out")
    assert np.mean((read_gray(second / "00000.png") > 0) == (mask > 0)) > 0.99


def test_masks_follow_frames_that_are_scaled(tmp_path: Path, frames: Frames) -> None:
    folder = masks(tmp_path / "masks", [f"m{row}.png" for row in range(10)])
    small = open_frames(tmp_path / "walk", FrameOptions(frame_long_side=48))
    written = write_masks(match_masks(folder, small), small, tmp_path / "out")
    assert read_gray(written / "00009.png").shape == (27, 48)
    own = masks(tmp_path / "own", [f"m{row}.png" for row in range(10)], width=48, height=27)
    assert len(match_masks(own, small)) == 10
    assert len(frames) == 5
