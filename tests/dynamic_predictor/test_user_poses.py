"""Cameras that the user brings, matched with frames of which some are left out."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.errors import UserError
from core.images import write_png
from core.tum import write_tum
from core.video import video_writer
from dynamic_predictor.user_poses import pose_files, read_user_poses
from scene.frames import FrameOptions, Frames, open_frames

COUNT = 6
WHOLE, EVERY_OTHER = FrameOptions(), FrameOptions(frame_stride=2, first_frames=5)
NAMES = tuple(f"{row:05d}.png" for row in range(COUNT))


def poses(count: int = COUNT) -> torch.Tensor:
    """World-from-camera transforms, in float64; frame n stands at x = n."""
    c2w = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    c2w[:, :3, :3] = torch.from_numpy(Rotation.random(count, random_state=1).as_matrix())
    c2w[:, :3, 3] = torch.stack([torch.arange(count), torch.ones(count), torch.zeros(count)], dim=1)
    return c2w


def images(count: int = COUNT) -> list[np.ndarray]:
    """60 x 40 pixels that a camera turns over."""
    wide = np.random.default_rng(0).integers(0, 255, (40, 60 + count, 3), dtype=np.uint8)
    return [wide[:, row : row + 60] for row in range(count)]


def folder_of(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    for name, image in zip(names, images(len(names)), strict=True):
        write_png(folder / name, image)
    return folder


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "walk")


def write_model(
    folder: Path, c2w: torch.Tensor, names: tuple[str, ...], lens: str = "PINHOLE 120 80 180 180 60 40"
) -> Path:
    """A COLMAP model as text; returns its folder."""
    folder.mkdir(parents=True)
    (folder / "cameras.txt").write_text(f"1 {lens}\n")
    lines = []
    for number, (pose, name) in enumerate(zip(torch.linalg.inv(c2w).numpy(), names, strict=True), start=1):
        x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
        numbers = " ".join(str(float(value)) for value in (w, x, y, z, *pose[:3, 3]))
        lines += [f"{number} {numbers} 1 {name}", ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    (folder / "points3D.txt").write_text("")
    return folder


def write(path: Path, times: Iterable[float]) -> None:
    """A trajectory that begins as `poses` does."""
    times = [float(time) for time in times]
    write_tum(path, times, poses(100)[: len(times)])


def places(path: Path, frames: Frames) -> list[int]:
    """Which of `poses` the frames have."""
    cameras = read_user_poses(path, frames, 90.0).cameras
    found = cameras.centers[:, 0].round().int()
    torch.testing.assert_close(cameras.c2w, poses(100)[found].float(), atol=1e-4, rtol=1e-4)
    return found.tolist()


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_a_trajectory_in_order_is_thinned_as_the_frames_are(walk: Path, tmp_path: Path, kind: str) -> None:
    if kind == "video":
        with video_writer(tmp_path / "walk.mp4", 12) as writer:
            for image in images():
                writer.write(image)
        walk = tmp_path / "walk.mp4"
    for count, options, expected in (
        (6, WHOLE, [0, 1, 2, 3, 4, 5]), (6, EVERY_OTHER, [0, 2, 4]), (3, EVERY_OTHER, [0, 1, 2]),
    ):  # fmt: skip
        write(tmp_path / "walk.txt", np.arange(count) / 24)
        assert places(tmp_path / "walk.txt", open_frames(walk, options)) == expected
    write(tmp_path / "walk.txt", range(4))
    with pytest.raises(UserError, match=r"holds 4 poses and .* has 6 frames, of which 3 are used; one line"):
        read_user_poses(tmp_path / "walk.txt", open_frames(walk, EVERY_OTHER), None)


@pytest.mark.parametrize("listed", [True, False])
def test_frames_with_times_go_by_time(tmp_path: Path, listed: bool) -> None:
    times = [100 + 0.1 * row for row in range(COUNT)]
    names = NAMES if listed else tuple(f"{time:.4f}.png" for time in times)
    folder_of(tmp_path / "rgb", names)
    if listed:
        lines = (f"{time} rgb/{name}\n" for time, name in zip(times, names, strict=True))
        (tmp_path / "rgb.txt").write_text("# color images\n" + "".join(lines))
    dense = [100 + 0.025 * row for row in range(30)]  # four poses a frame
    write(tmp_path / "dense.txt", dense)
    frames = open_frames(tmp_path / "rgb", EVERY_OTHER)
    assert places(tmp_path / "dense.txt", frames) == [0, 8, 16]
    write(tmp_path / "short.txt", dense[:12])
    with pytest.raises(UserError, match=rf"no pose within 0\.02 s of 1 of 3 frames, first of {names[4]}"):
        read_user_poses(tmp_path / "short.txt", frames, None)
    write(tmp_path / "counted.txt", range(COUNT))  # by another clock
    assert places(tmp_path / "counted.txt", frames) == [0, 2, 4]


def test_whole_numbers_are_times_where_the_trajectory_has_them_all(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "walk", tuple(f"{row}.png" for row in range(1, COUNT + 1)))
    frames = open_frames(folder, FrameOptions(first_frames=3))
    write(tmp_path / "walk.txt", range(9))
    assert places(tmp_path / "walk.txt", frames) == [1, 2, 3]
    write(tmp_path / "walk.txt", range(COUNT))
    assert places(tmp_path / "walk.txt", frames) == [0, 1, 2], "these count from 0: frame 6 has none"


def test_a_trajectory_without_a_focal_length_gets_a_guess_and_says_so(walk: Path, tmp_path: Path) -> None:
    write(tmp_path / "walk.txt", range(COUNT))
    frames = open_frames(walk, FrameOptions(frame_long_side=30))
    cameras, notes = read_user_poses(tmp_path / "walk.txt", frames, None)
    assert cameras.size == (30, 20)
    expected = torch.tensor([[36.0, 0, 15], [0, 36, 10], [0, 0, 1]])
    torch.testing.assert_close(cameras.Ks, expected.repeat(COUNT, 1, 1))
    assert len(notes) == 1
    assert "has no focal length; 36 pixels are taken, --focal-px names another" in notes[0]
    assert read_user_poses(tmp_path / "walk.txt", frames, 50.0).notes == ()


@pytest.mark.parametrize("inner", [".", "sparse/0"])
def test_a_model_goes_by_the_names_of_the_source(tmp_path: Path, inner: str) -> None:
    folder = folder_of(tmp_path / "walk", tuple(f"{row}.png" for row in range(7, 7 + COUNT)))
    names = tuple(f"images/{row}.jpg" for row in range(7, 7 + COUNT))
    write_model(tmp_path / "model" / inner, poses(), names)
    frames = open_frames(folder, EVERY_OTHER)
    # 7, 8, ... 12 are no alphabet, so the frames are written under other names.
    assert not set(frames.facts.names) & set(frames.facts.original_names)
    assert places(tmp_path / "model", frames) == [0, 2, 4]
    cameras, notes = read_user_poses(tmp_path / "model", frames, None)
    assert notes == ()
    expected = torch.tensor([[90.0, 0, 30], [0, 90, 20], [0, 0, 1]])
    torch.testing.assert_close(cameras.Ks, expected.repeat(3, 1, 1))


def test_a_model_of_the_written_frames_fits_them(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "walk", tuple(f"{row}.png" for row in range(7, 7 + COUNT)))
    frames = open_frames(folder, EVERY_OTHER)
    write_model(tmp_path / "model", poses(3), frames.facts.names)
    assert places(tmp_path / "model", frames) == [0, 1, 2]
    write_model(tmp_path / "longer", poses(4), (*frames.facts.names, "frame_0003.png"))
    with pytest.raises(
        UserError, match=r"poses 4 images and has no camera for 3 of 3 frames, first for 7\.png"
    ):
        read_user_poses(tmp_path / "longer", frames, None)


@pytest.mark.parametrize(
    ("lens", "told"),
    [
        ("PINHOLE 120 80 180 180 64 40", "principal points up to 2.0 pixels from the middle"),
        ("PINHOLE 120 80 180 200 60 40", "focal lengths from 90.0 to 100.0 pixels"),
        ("SIMPLE_RADIAL 120 80 180 60 40 0.1", "the distortion of SIMPLE_RADIAL"),
    ],
)
def test_what_is_not_used_of_a_model_is_told(walk: Path, tmp_path: Path, lens: str, told: str) -> None:
    model = write_model(tmp_path / "model", poses(), NAMES, lens)
    _, notes = read_user_poses(model, open_frames(walk, WHOLE), None)
    assert len(notes) == 1
    assert "one focal length of 90.0 pixels are used" in notes[0]
    assert notes[0].endswith(f"not used are {told}")


@pytest.mark.parametrize("content", [None, "", "1 2 3\n", "a b c d e f g h\n", "0 0 0 0 0 0 0 0\n"])
def test_what_is_no_trajectory_is_refused_in_one_sentence(
    walk: Path, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "walk.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"walk\.txt") as caught:
        read_user_poses(path, open_frames(walk, WHOLE), None)
    assert "\n" not in str(caught.value)


def test_the_files_of_poses_are_those_that_are_read(walk: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing") as caught:
        read_user_poses(walk, open_frames(walk, WHOLE), None)
    assert "\n" not in str(caught.value)
    write_model(tmp_path / "sparse/0", poses(), NAMES)
    assert [path.name for path in pose_files(tmp_path)] == ["cameras.txt", "images.txt"]
    assert pose_files(tmp_path / "walk.txt") == [tmp_path / "walk.txt"]
