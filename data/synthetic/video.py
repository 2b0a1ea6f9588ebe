"""A video of moving things by a moving camera, in the layouts of DAVIS and of Sintel."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.files import write_json
from core.progress import Progress
from data.synthetic.files import SKY_DEPTH_M, new_folder, write_trajectory
from data.synthetic.flow import MOVES_PX
from data.synthetic.options import CaptureSettings
from data.synthetic.paths import CameraMotion, along_a_site
from data.synthetic.recording import FrameReport, VideoFolders, VideoRecorder
from data.synthetic.sites import site_of
from data.synthetic.views import Pinhole, pinhole_matrix
from data.synthetic.workers import each

_RUN_LENGTH = 5  # a frame's flow needs the next one's geometry, which that one needs too


@dataclass(frozen=True)
class VideoCapture(CaptureSettings):
    """Make a video of people and traffic in a town's square, with exact ground truth."""

    name: str = "market-square"
    """Of the sequence."""
    fps: float = 24.0
    """Frames per second."""
    camera: CameraMotion = "walk"
    """walk: hand-held, along a path that the seed decides; rotate: on the spot, panning; static: on a
    tripod."""


def make_video(settings: VideoCapture) -> None:
    """Write the sequence.

    Raises:
        UserError: the settings cannot be met, or the folder cannot be written.
    """
    settings.check(least_frames=2)
    settings.check_lens()
    if not settings.fps > 0:
        raise UserError(f"--fps {settings.fps}: a positive number was expected")
    if not settings.name or Path(settings.name).name != settings.name or settings.name in (".", ".."):
        raise UserError(f"--name {settings.name!r}: the name of one folder was expected")
    K = pinhole_matrix(settings.width, settings.height, settings.fov_deg)
    times_s = np.arange(settings.frames) / settings.fps
    poses = along_a_site(times_s, settings.seed, settings.camera)
    views = tuple(Pinhole(c2w, K, settings.width, settings.height) for c2w in poses)
    with new_folder(settings.out) as folder:
        recorder = VideoRecorder(
            _make_folders(folder, settings.name), settings.seed, settings.quality, views, times_s
        )
        reports: list[FrameReport] = []
        with Progress(len(views), label="frames") as progress:
            for report in each(recorder.record, len(views), settings.workers, _RUN_LENGTH):
                reports.append(report)
                progress.advance()
        (folder / "poses").mkdir()
        write_trajectory(folder / "poses" / f"{settings.name}.txt", times_s, poses)
        write_json(
            folder / "metadata.json",
            {
                "kind": "video",
                "place": "market square",
                "name": settings.name,
                "seed": settings.seed,
                "fps": settings.fps,
                "world": "metres, z up",
                "K": K.tolist(),
                "site": site_of(settings.seed).name,
                "camera": settings.camera,
                "sky_depth_m": SKY_DEPTH_M,
                "moves_px": MOVES_PX,
                **_shares(reports),
            },
        )


def _shares(reports: list[FrameReport]) -> dict[str, object]:
    """Which part of each frame moves, and which part each thing takes that moves."""
    names = dict.fromkeys(name for report in reports for name in report.movers)
    return {
        "moving_share": [round(report.moving, 4) for report in reports],
        "moving_now_share": [round(report.moving_now, 4) for report in reports],
        "movers": {name: [round(report.movers.get(name, 0.0), 5) for report in reports] for name in names},
    }


def _make_folders(root: Path, name: str) -> VideoFolders:
    davis, sintel = root / "DAVIS", root / "sintel" / "training"
    folders = VideoFolders(
        davis_images=davis / "JPEGImages" / "480p" / name,
        davis_masks=davis / "Annotations" / "480p" / name,
        final=sintel / "final" / name,
        flow=sintel / "flow" / name,
        occlusions=sintel / "occlusions" / name,
        depth=sintel / "depth" / name,
        cameras=sintel / "camdata_left" / name,
        labels=sintel / "dynamic_label_perfect" / name,
        objects=sintel / "moving_objects" / name,
    )
    for folder in vars(folders).values():
        folder.mkdir(parents=True)
    return folders
