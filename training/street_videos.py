"""Videos of a street: what the rig saw, parts of it, and the views of cameras that never were there."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.errors import UserError
from core.folders import atomic_folder
from core.images import write_png
from core.progress import Progress
from core.video import video_writer
from scene.cameras import Cameras
from scene.capture import Capture
from scene.trajectories import PathName, novel_path
from training.street_views import Picture, TrainedStreet, depth_picture, picture

_SWING_M = 1.5  # of the S-curve to each side


def write_videos(street: TrainedStreet, shifts_m: Sequence[float]) -> Path:
    """Write the five videos of the log, cameras side by side, and those of cameras that never were there.

    Where a camera has no image in a frame, its place is black: all videos of a log have its frames.

    Args:
        street: what is shown.
        shifts_m: a video each of the camera that looks ahead, driven so far to its left; negative = right.

    Returns:
        The folder.

    Raises:
        UserError: a photograph does not decode, or a file cannot be written.
    """
    folder, drive = street.folder.path / "videos", street.drive
    frames = _views_by_frame(street)
    of_rig: dict[str, Callable[[int], Picture]] = {
        "rgbs": lambda view: picture(street.draw(view)),
        "gt_rgbs": lambda view: street.capture.images[view].numpy(),
        "depths": lambda view: depth_picture(street.draw(view)),
        "dynamic_rgbs": lambda view: picture(street.draw(view, "moving")),
        "static_rgbs": lambda view: picture(street.draw(view, "still")),
    }
    offsets: dict[str, Callable[[float], float]] = {
        shift_name(shift): (lambda _share, shift=shift: -shift) for shift in shifts_m
    }
    offsets["s_curve"] = lambda share: _SWING_M * float(np.sin(2 * np.pi * share))
    ahead = camera_ahead(street.capture)
    size = _size(street.capture, ahead)
    with Progress((len(of_rig) + len(offsets)) * len(frames), label="videos") as progress:
        for name, draw in of_rig.items():
            with video_writer(folder / f"{name}.mp4", 1 / drive.gap_s) as video:
                for views in frames:
                    video.write(_beside(street.capture, views, draw))
                    progress.advance()
        for name, offset in offsets.items():
            with video_writer(folder / f"{name}.mp4", 1 / drive.gap_s) as video:
                for place, views in enumerate(frames):
                    view = views.get(ahead)
                    right_m = offset(place / max(len(frames) - 1, 1))
                    video.write(_black(*size) if view is None else _moved(street, view, right_m))
                    progress.advance()
    return folder


def write_path(street: TrainedStreet, name: PathName, frames: int) -> Path:
    """Write a smooth path through the places of the camera that looks ahead, as images and as a video.

    It is driven at an even pace, while time goes on from the first frame to the last.

    Returns:
        The folder with `renders` and `renders.mp4`.

    Raises:
        UserError: the path is none that a driving log has, or a file cannot be written.
    """
    if name != "spline":
        raise UserError(
            f"--path {name} goes around a scene; of a driving log, --path spline is a smooth drive through it"
        )
    drive = street.drive
    rows = (drive.view_cameras == camera_ahead(street.capture)).nonzero()[:, 0].tolist()
    cameras = novel_path(name, street.capture.cameras[rows], frames)
    times = torch.linspace(street.time_of(rows[0]), street.time_of(rows[-1]), frames)
    transform = street.transform_of(rows[len(rows) // 2])
    folder = street.folder.path / name / f"ours_{street.iteration}"
    with (
        atomic_folder(folder) as written,
        video_writer(written / "renders.mp4", frames / drive.duration_s) as video,
        Progress(frames, label=f"rendering {name}") as progress,
    ):
        for number, time_s in enumerate(times.tolist()):
            seen = picture(street.scene.draw(cameras[number], time_s, transform=transform))
            write_png(written / "renders" / f"{number:05d}.png", seen)
            video.write(seen)
            progress.advance()
    return folder


def write_ply_sequence(street: TrainedStreet) -> Path:
    """Write the Gaussians of every frame as frame0001.ply and so on, which players of sequences open.

    Returns:
        The folder.
    """
    with atomic_folder(street.folder.path / "ply") as written:
        for frame, time in enumerate(street.drive.frame_times_s.tolist()):
            street.scene.save_ply(written / f"frame{frame + 1:04d}.ply", time)
    return street.folder.path / "ply"


def camera_ahead(capture: Capture) -> int:
    """The camera of a rig that looks most along the vehicle's x axis: its row in the drive's names."""
    drive = capture.drive
    assert drive is not None  # of a driving log
    ahead = drive.world_from_ego[drive.view_frames, :3, 0].to(capture.cameras.viewmats)
    cosines: Float[Tensor, " C"] = (ahead * capture.cameras.viewmats[:, 2, :3]).sum(-1)
    seen = drive.view_cameras.unique().tolist()
    return max(seen, key=lambda camera: float(cosines[drive.view_cameras == camera].mean()))


def shifted(camera: Cameras, right_m: float) -> Cameras:
    """A camera moved to its right."""
    viewmats = camera.viewmats.clone()
    viewmats[:, 0, 3] -= right_m
    return replace(camera, viewmats=viewmats)


def shift_name(left_m: float) -> str:
    """The name of the video of a lateral shift, without its ending."""
    return f"lateral_shift_{abs(left_m):g}m" + ("_right" if left_m < 0 else "")


def _moved(street: TrainedStreet, view: int, right_m: float) -> Picture:
    return picture(street.draw(view, camera=shifted(street.capture.cameras[view], right_m)))


def _views_by_frame(street: TrainedStreet) -> list[dict[int, int]]:
    """Of each frame of the log, the view of each camera that has one."""
    drive = street.drive
    frames: list[dict[int, int]] = [{} for _ in range(len(drive.frame_times_s))]
    for view, (frame, camera) in enumerate(
        zip(drive.view_frames.tolist(), drive.view_cameras.tolist(), strict=True)
    ):
        frames[frame][camera] = view
    return frames


def _size(capture: Capture, camera: int) -> tuple[int, int]:
    """(width, height) of the largest image of a camera."""
    assert capture.drive is not None  # of a driving log
    rows = capture.drive.view_cameras == camera
    return int(capture.cameras.width[rows].max()), int(capture.cameras.height[rows].max())


def _black(width: int, height: int) -> Picture:
    return np.zeros((height, width, 3), np.uint8)


def _beside(capture: Capture, views: dict[int, int], draw: Callable[[int], Picture]) -> Picture:
    """Pictures of a frame in a row, from left to right, on black."""
    assert capture.drive is not None  # of a driving log
    sizes = [(camera, _size(capture, camera)) for camera in capture.drive.view_cameras.unique().tolist()]
    canvas = _black(sum(width for _, (width, _) in sizes), max(height for _, (_, height) in sizes))
    left = 0
    for camera, (width, _) in sizes:
        if camera in views:
            shown = draw(views[camera])
            canvas[: shown.shape[0], left : left + shown.shape[1]] = shown
        left += width
    return canvas
