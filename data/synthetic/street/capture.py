"""The log of a drive, with exact ground truth: as a converted folder, as Waymo's TFRecords, or both."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from core.errors import UserError
from core.files import write_json
from core.progress import Progress
from data.synthetic.files import SKY_DEPTH_M, new_folder
from data.synthetic.options import RecordingSettings
from data.synthetic.stage import Quality
from data.synthetic.street.place import Street, StreetPlan, staged
from data.synthetic.street.recording import MOVING_M_S, ExactFolders, Moment, StreetRecorder
from data.synthetic.street.rig import make_cameras, make_lidar
from data.synthetic.street.waymo import Log, far_away, segment_name, to_frame
from data.synthetic.workers import each
from scene.datasets.waymo.convert import convert_frames
from scene.datasets.waymo.frames import WaymoFrame
from scene.datasets.waymo.read import read_segment
from scene.datasets.waymo.write import write_segment

LogFormat = Literal["waymo", "processed", "both"]
_RUN_LENGTH = 2
_LONGEST_S = 30.0


@dataclass(frozen=True)
class StreetCapture(RecordingSettings):
    """Make the log of a drive along a street with traffic: cameras, lidar, boxes, exact ground truth."""

    format: LogFormat = "both"
    """processed: a folder as converters of the Waymo Open Dataset write it; waymo: a TFRecord; or both."""
    hz: float = 10.0
    """Frames per second."""
    height: int = 320
    """Of a picture, in pixels."""
    cars: int = 5
    """How many drive; others are parked."""
    walkers: int = 4
    """How many people walk."""
    lidar_columns: int = 900
    """Of a turn of the lidar, which has 64 beams."""
    lidar_noise_m: float = 0.01
    """Standard deviation of the lidar's ranges, in metres."""
    scene_flow: bool = False
    """Let range images tell the velocities of what was hit: the processed lidar has 14 columns, not 10."""
    quality: Quality = field(
        default_factory=lambda: Quality(texture_px=256, shadow_px=3072, sun_directions=3, voxel_m=0.25)
    )

    def check_drive(self) -> None:
        """Refuse a drive that cannot be made.

        Raises:
            UserError: a number is out of its range.
        """
        if not 0 < self.hz <= 1000:
            raise UserError(f"--hz {self.hz}: more than 0 and at most 1000 frames per second were expected")
        if self.frames / self.hz > _LONGEST_S:
            raise UserError(
                f"--frames {self.frames} --hz {self.hz}: a log of at most {_LONGEST_S:g} s was expected"
            )
        if self.cars < 0 or self.walkers < 0:
            raise UserError(f"--cars {self.cars} --walkers {self.walkers}: neither may be negative")
        if not 8 <= self.lidar_columns <= 8192:
            raise UserError(f"--lidar-columns {self.lidar_columns}: 8 to 8192 were expected")
        if not 0 <= self.lidar_noise_m < 1:
            raise UserError(f"--lidar-noise-m {self.lidar_noise_m}: 0 or more and less than 1 m was expected")


def make_drive(settings: StreetCapture) -> None:
    """Write the log.

    Raises:
        UserError: the settings cannot be met, or the folder cannot be written.
    """
    settings.check(least_frames=2)
    settings.check_drive()
    times_s = np.arange(settings.frames) / settings.hz
    plan = StreetPlan(settings.seed, float(times_s[-1]), settings.cars, settings.walkers)
    street, _ = staged(plan, settings.quality)
    cameras, lidar = make_cameras(settings.width, settings.height), make_lidar(settings.lidar_columns)
    name = segment_name(settings.seed, float(times_s[-1]))
    labels = tuple(body.label for body in street.place.world.bodies)
    log = Log(name, far_away(settings.seed), cameras, lidar, labels, settings.scene_flow)
    with new_folder(settings.out) as folder:
        exact = _exact_folders(folder)
        recorder = StreetRecorder(
            exact, plan, settings.quality, cameras, lidar, settings.lidar_noise_m, times_s
        )
        frames = (to_frame(log, moment) for moment in _recorded(recorder, len(times_s), settings.workers))
        if settings.format != "processed":
            (folder / "waymo").mkdir()
            segment = folder / "waymo" / f"segment-{name}_with_camera_labels.tfrecord"
            write_segment(segment, frames)
            frames = read_segment(segment)
        if settings.format != "waymo":
            _process(frames, folder / "processed", exact)
        write_json(folder / "metadata.json", _metadata(settings, street, name))


def _recorded(recorder: StreetRecorder, count: int, workers: int) -> Iterator[Moment]:
    with Progress(count, label="frames") as progress:
        for moment in each(recorder.record, count, workers, _RUN_LENGTH):
            yield moment
            progress.advance()


def _process(frames: Iterable[WaymoFrame], folder: Path, exact: ExactFolders) -> None:
    """Convert as any segment is; then let the masks of what moves be exact and keep the rectangles apart."""
    convert_frames(frames, folder)
    (folder / "dynamic_masks").rename(folder / "box_masks")
    shutil.copytree(exact.moving, folder / "dynamic_masks")


def _exact_folders(root: Path) -> ExactFolders:
    folders = ExactFolders(
        *(root / "exact" / name for name in ("depth", "flow", "objects", "moving", "movers"))
    )
    for folder in vars(folders).values():
        folder.mkdir(parents=True)
    return folders


def _metadata(settings: StreetCapture, street: Street, name: str) -> dict[str, object]:
    moving = street.place.world.moving_bodies()
    return {
        "kind": "street",
        "segment": name,
        "seed": settings.seed,
        "hz": settings.hz,
        "sky_depth_m": SKY_DEPTH_M,
        "moving_m_s": MOVING_M_S,
        "speed_m_s": round(street.layout.speed_m_s, 3),
        "objects": [
            {
                "id": row + 1,
                "track": actor.name,
                "label": actor.label,
                "moves": bool(moving[actor.body]),
                "size_m": [round(side, 4) for side in actor.size_m],
            }
            for row, actor in enumerate(street.actors)
        ],
    }
