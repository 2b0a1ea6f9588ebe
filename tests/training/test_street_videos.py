"""Videos of a street: cameras beside the recorded ones, black where there is no image, a smooth drive."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.images import read_image
from core.video_input import VideoInput
from scene.cameras import Cameras
from tests.training.streets import FRAMES, SIZE, ego_from_camera
from tests.training.test_street_runs import make_run
from training.street_runs import open_street
from training.street_videos import camera_ahead, shift_name, shifted, write_path, write_videos
from training.street_views import TrainedStreet


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> TrainedStreet:
    return open_street(make_run(tmp_path_factory.mktemp("straße")))


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame.image for frame in VideoInput(path).frames()]


def without(street: TrainedStreet, folder: Path, rows: set[int]) -> TrainedStreet:
    """The street of a log that lacks some images."""
    capture, drive = street.capture, street.drive
    kept = [row for row in range(len(capture)) if row not in rows]
    drive = replace(
        drive,
        view_cameras=drive.view_cameras[kept],
        view_frames=drive.view_frames[kept],
        view_times_s=drive.view_times_s[kept],
    )
    images = [capture.images[row] for row in kept]
    fewer = replace(capture, cameras=capture.cameras[kept], images=images, drive=drive)
    return replace(street, capture=fewer, folder=replace(street.folder, path=folder))


def test_a_camera_moves_to_its_own_right() -> None:
    viewmat = torch.eye(4)
    viewmat[:3, :3] = torch.tensor([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])  # looks along x, z is up
    viewmat[:3, 3] = torch.tensor([0.3, 0.2, 0.1])
    camera = Cameras(viewmat[None], torch.eye(3)[None], torch.tensor([8]), torch.tensor([6]))
    moved = shifted(camera, 2.0)
    torch.testing.assert_close(moved.centers - camera.centers, torch.tensor([[0.0, -2.0, 0.0]]))
    torch.testing.assert_close(moved.viewmats[:, :3, :3], camera.viewmats[:, :3, :3])


@pytest.mark.parametrize("shift", [-1.5, 0.0])
def test_shifts_add(shift: float) -> None:
    camera = Cameras(torch.eye(4)[None], torch.eye(3)[None], torch.tensor([8]), torch.tensor([6]))
    torch.testing.assert_close(
        shifted(shifted(camera, shift), 1.0).viewmats, shifted(camera, shift + 1.0).viewmats
    )


@pytest.mark.parametrize(("yaws", "expected"), [((0.3, -0.2), 1), ((0.1, -0.9), 0), ((0.0, 3.1), 0)])
@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_the_camera_ahead_looks_where_the_vehicle_does(
    street: TrainedStreet, yaws: tuple[float, float], expected: int, turn: float
) -> None:
    """Wherever the vehicle itself has turned."""
    heading = torch.eye(4, dtype=torch.float64)
    cosine, sine = np.cos(turn), np.sin(turn)
    heading[:2, :2] = torch.tensor([[cosine, -sine], [sine, cosine]])
    drive = replace(street.drive, world_from_ego=heading.repeat(FRAMES, 1, 1))
    poses = torch.stack([heading @ torch.from_numpy(ego_from_camera(yaw)) for yaw in yaws])
    viewmats = torch.linalg.inv(poses)[drive.view_cameras].float()
    capture = replace(street.capture, drive=drive, cameras=replace(street.capture.cameras, viewmats=viewmats))
    assert camera_ahead(capture) == expected


def test_what_a_shift_is_called() -> None:
    assert [shift_name(shift) for shift in (1.0, 2.5, -3.0)] == [
        "lateral_shift_1m", "lateral_shift_2.5m", "lateral_shift_3m_right",
    ]  # fmt: skip


def test_a_missing_camera_is_black_and_no_frame_is_lost(street: TrainedStreet, tmp_path: Path) -> None:
    """Frame 1 lacks its left camera, frame 2 both."""
    lacking = without(street, tmp_path, {2, 4, 5})
    folder = write_videos(lacking, (2.0,))
    assert sorted(path.stem for path in folder.iterdir()) == [
        "depths", "dynamic_rgbs", "gt_rgbs", "lateral_shift_2m", "rgbs", "s_curve", "static_rgbs",
    ]  # fmt: skip
    shown = frames_of(folder / "gt_rgbs.mp4")
    assert len(shown) == FRAMES
    assert shown[0].shape == (SIZE[1], 2 * SIZE[0], 3)
    left, right = np.s_[:, : SIZE[0]], np.s_[:, SIZE[0] :]
    assert [frame[left].mean() > 20 for frame in shown] == [True, False, False, True, True, True]
    assert [frame[right].mean() > 20 for frame in shown] == [True, True, False, True, True, True]
    assert len(frames_of(folder / "lateral_shift_2m.mp4")) == FRAMES


def test_a_log_whose_frames_are_never_complete_has_videos(street: TrainedStreet, tmp_path: Path) -> None:
    lacking = without(street, tmp_path, {2 * frame + frame % 2 for frame in range(FRAMES)})
    assert len(frames_of(write_videos(lacking, ()) / "rgbs.mp4")) == FRAMES


def test_a_smooth_drive(street: TrainedStreet) -> None:
    folder = write_path(street, "spline", 9)
    assert len(list((folder / "renders").glob("*.png"))) == len(frames_of(folder / "renders.mp4")) == 9
    assert read_image(folder / "renders" / "00008.png").shape == (SIZE[1], SIZE[0], 3)
    with pytest.raises(UserError, match="--path orbit goes around a scene"):
        write_path(street, "orbit", 9)
