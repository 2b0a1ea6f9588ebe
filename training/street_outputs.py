"""What a street run ends with: views beside photographs, videos, and scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize_depth
from core.files import write_json
from core.folders import atomic_folder
from core.images import to_uint8, write_png
from core.progress import Progress, say
from core.run_folder import RunFolder
from core.video import video_writer
from evaluation.lpips import Lpips, load_lpips
from evaluation.street_scores import ViewScores, score_street_view, separation_iou, summary
from scene.cameras import Cameras
from scene.capture import Capture
from scene.drive import Drive
from scene.splits import Split
from training.street_config import OutputConfig
from training.street_scene import Parts, StreetScene

SCORES = "street_scores.json"
"""In the folder of a run: scores of its test and its train views, per image and summed up."""

_NEAR_M, _FAR_M = 3.0, 80.0  # of depth as colours
_SHIFT_M = 3.0  # of the farthest camera of the shifted path
_SWING_M = 1.5  # of the S-curve to each side


@dataclass(frozen=True)
class TrainedStreet:
    """A street and the log it was trained on.

    Args:
        folder: of the run.
        iteration: how long it had been trained.
        scene: what has been learned.
        capture: the log.
        split: which views trained and which are held out.
    """

    folder: RunFolder
    iteration: int
    scene: StreetScene
    capture: Capture
    split: Split

    @property
    def drive(self) -> Drive:
        """Of the log."""
        assert self.capture.drive is not None  # of a street
        return self.capture.drive

    def time_of(self, view: int) -> float:
        """When a view was taken, seconds."""
        return float(self.drive.view_times_s[view])

    def transform_of(self, view: int) -> Float[Tensor, "3 4"] | None:
        """The colour transform of a view."""
        return self.scene.transform_of(view, self.drive)


def write_street_outputs(street: TrainedStreet, config: OutputConfig) -> None:
    """Write views and scores, and what else is asked for.

    Raises:
        UserError: a file cannot be written, or a photograph does not decode.
    """
    say(format_scores(write_scores(street)))
    if config.videos:
        write_videos(street)
    if config.ply_sequence:
        write_ply_sequence(street)


def format_scores(summaries: Mapping[str, Mapping[str, float]]) -> str:
    """A table of summaries, one line a number."""
    names = list(dict.fromkeys(name for each in summaries.values() for name in each))
    rows = [["", *summaries]]
    for name in names:
        rows.append([name, *(f"{each[name]:.3f}" if name in each else "-" for each in summaries.values())])
    return "\n".join("  ".join(f"{cell:>20}" for cell in row) for row in rows)


def write_scores(street: TrainedStreet) -> dict[str, dict[str, float]]:
    """Render the views of both sets beside their photographs, and score them.

    Returns:
        The summaries of `test`, if views are held out, and of `train`.
    """
    lpips = load_lpips("alex")
    found: dict[str, dict[str, float]] = {}
    lists: dict[str, list[dict[str, object]]] = {}
    sets = {"test": street.split.test, "train": street.split.train}
    with Progress(sum(map(len, sets.values())), label="scoring") as progress:
        for name, rows in sets.items():
            if not rows:
                continue
            views, covers = [], []
            with atomic_folder(street.folder.path / name / f"ours_{street.iteration}") as written:
                for number, row in enumerate(rows):
                    view, cover = _write_view(street, row, written, number, lpips)
                    views.append(view)
                    covers.append(cover)
                    progress.advance()
            found[name] = summary(views)
            iou = (
                None
                if street.capture.dynamic_masks is None
                else separation_iou(
                    [
                        (cover, street.capture.dynamic_masks[row])
                        for cover, row in zip(covers, rows, strict=True)
                    ]
                )
            )
            if iou is not None:
                found[name]["separation_iou"] = iou
            lists[name] = [asdict(view) for view in views]
    write_json(street.folder.path / SCORES, {"iteration": street.iteration, "summary": found, "views": lists})
    return found


def write_videos(street: TrainedStreet) -> None:
    """Write the five videos of the log, cameras side by side, and two of cameras that never were there."""
    folder, drive = street.folder.path / "videos", street.drive
    frames = [_views_of(drive, frame) for frame in range(len(drive.frame_times_s))]
    frames = [rows for rows in frames if len(rows) == len(drive.camera_names)]

    def drawn(parts: Parts) -> Callable[[int], UInt8[ndarray, "H W 3"]]:
        return lambda row: _picture(street, street.capture.cameras[row], row, parts)

    def depth(row: int) -> UInt8[ndarray, "H W 3"]:
        view = street.scene.draw(street.capture.cameras[row], street.time_of(row))
        return colorize_depth(view.depth, _NEAR_M, _FAR_M)

    pictures: dict[str, Callable[[int], UInt8[ndarray, "H W 3"]]] = {
        "rgbs": drawn("all"),
        "gt_rgbs": lambda row: street.capture.images[row].numpy(),
        "depths": depth,
        "dynamic_rgbs": drawn("moving"),
        "static_rgbs": drawn("still"),
    }
    with Progress((len(pictures) + 2) * len(frames), label="videos") as progress:
        for name, picture in pictures.items():
            with video_writer(folder / f"{name}.mp4", 1 / drive.gap_s) as video:
                for rows in frames:
                    video.write(_beside([picture(row) for row in rows]))
                    progress.advance()
        for name, offset in (("lateral_shift", _shift), ("s_curve", _swing)):
            with video_writer(folder / f"{name}.mp4", 1 / drive.gap_s) as video:
                for place, rows in enumerate(frames):
                    row = rows[len(rows) // 2]
                    moved = shifted(street.capture.cameras[row], offset(place / max(len(frames) - 1, 1)))
                    video.write(_picture(street, moved, row, "all"))
                    progress.advance()


def write_ply_sequence(street: TrainedStreet) -> Path:
    """Write the Gaussians of every frame as frame0001.ply and so on, which players of sequences open.

    Returns:
        The folder.
    """
    with atomic_folder(street.folder.path / "ply") as written:
        for frame, time in enumerate(street.drive.frame_times_s.tolist()):
            street.scene.save_ply(written / f"frame{frame + 1:04d}.ply", time)
    return street.folder.path / "ply"


def shifted(camera: Cameras, right_m: float) -> Cameras:
    """A camera moved to its right."""
    viewmats = camera.viewmats.clone()
    viewmats[:, 0, 3] -= right_m
    return replace(camera, viewmats=viewmats)


def _shift(share: float) -> float:
    """Ever farther to the left."""
    return -_SHIFT_M * share


def _swing(share: float) -> float:
    """To one side and to the other."""
    return _SWING_M * float(np.sin(2 * np.pi * share))


def _write_view(
    street: TrainedStreet, row: int, folder: Path, number: int, lpips: Lpips | None
) -> tuple[ViewScores, Float[Tensor, "H W"]]:
    capture = street.capture
    drawn = street.scene.draw(capture.cameras[row], street.time_of(row), transform=street.transform_of(row))
    target = capture.images[row]
    pictures = {
        "renders": to_uint8(drawn.image).numpy(),
        "gt": target.numpy(),
        "depth": colorize_depth(drawn.depth, _NEAR_M, _FAR_M),
    }
    for kind, picture in pictures.items():
        write_png(folder / kind / f"{number:05d}.png", picture)
    moving = None if capture.dynamic_masks is None else capture.dynamic_masks[row]
    skies = street.drive.sky_masks
    scores = score_street_view(
        capture.image_names[row], drawn.raw, target, moving, None if skies is None else skies[row], lpips
    )
    return scores, drawn.moving


def _picture(street: TrainedStreet, camera: Cameras, row: int, parts: Parts) -> UInt8[ndarray, "H W 3"]:
    transform = street.transform_of(row)
    return to_uint8(
        street.scene.draw(camera, street.time_of(row), parts=parts, transform=transform).image
    ).numpy()


def _views_of(drive: Drive, frame: int) -> list[int]:
    """The views of a frame, from left to right."""
    return (drive.view_frames == frame).nonzero()[:, 0].tolist()


def _beside(pictures: Sequence[UInt8[ndarray, "_ _ 3"]]) -> UInt8[ndarray, "H W 3"]:
    """Pictures in a row, lower ones on black."""
    height = max(picture.shape[0] for picture in pictures)
    return np.concatenate(
        [np.pad(picture, ((0, height - picture.shape[0]), (0, 0), (0, 0))) for picture in pictures], axis=1
    )
