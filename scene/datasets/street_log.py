"""What the reader of a driving log hands on: frames, pictures, lidar and boxes as the log describes them.

A log keeps its own world, which may begin far away, in float64.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float64, UInt8
from numpy import ndarray

from scene.datasets.lenses import Lens
from scene.datasets.street_options import StreetOptions
from scene.drive import Box


@dataclass(frozen=True)
class LogView:
    """One picture of a log.

    Args:
        camera: that took it, a key of `StreetLog.lenses`.
        frame: that it belongs to, a row of `StreetLog.frames`.
        name: `{frame:03d}_{camera}.jpg`.
        path: of the image file.
        world_from_camera: where the camera was when it took the picture; OpenCV axes.
        time_s: when that was, in the log's clock.
        dynamic_mask: file of what moves (above 127), for the image as it is stored.
        sky_mask: file of where the sky is (above 127), likewise.
    """

    camera: str
    frame: int
    name: str
    path: Path
    world_from_camera: Float64[ndarray, "4 4"]
    time_s: float
    dynamic_mask: Path | None = None
    sky_mask: Path | None = None


@dataclass(frozen=True)
class LogSweep:
    """Lidar returns in the world of a log.

    Args:
        xyz: metres.
        origins: where the rays began, metres.
        intensity: as the sensor gives it.
    """

    xyz: Float64[ndarray, "P 3"]
    origins: Float64[ndarray, "P 3"]
    intensity: Float64[ndarray, " P"]


@dataclass(frozen=True)
class LogFrame:
    """One moment of a log.

    Args:
        number: as its files are numbered.
        time_s: in the log's clock.
        world_from_ego: the vehicle's pose: x ahead, y left, z up.
        sweep: reads the lidar's returns; None where there are none.
        boxes: reads the labelled objects, in the world of the log.
        labels: reads the class of each return of the sweep, by the data set's own numbers; None where the
            reader knows of none.
    """

    number: int
    time_s: float
    world_from_ego: Float64[ndarray, "4 4"]
    sweep: Callable[[], LogSweep] | None = None
    boxes: Callable[[], tuple[Box, ...]] | None = None
    labels: Callable[[], UInt8[ndarray, " P"]] | None = None


@dataclass(frozen=True)
class StreetLog:
    """All that a driving log says.

    Args:
        lenses: of the cameras, by name.
        frames: in the order of time.
        views: in any order.
        world_from_origin: pose of the vehicle in the frame that `StreetOptions.origin` chooses.
        ego_masks: files of where a camera sees its own vehicle (above 127), by the camera's name.
        notes: what was skipped or changed, as sentences.
    """

    lenses: Mapping[str, Lens]
    frames: Sequence[LogFrame]
    views: Sequence[LogView]
    world_from_origin: Float64[ndarray, "4 4"]
    ego_masks: Mapping[str, Path] = field(default_factory=dict[str, Path])
    notes: tuple[str, ...] = ()


def brown_lens(
    focal_px: tuple[float, float],
    center_px: tuple[float, float],
    distortion: tuple[float, float, float, float, float],
    size_px: tuple[int, int],
) -> Lens:
    """A lens of Brown's model, a pinhole where it does not distort.

    Args:
        focal_px: f_x, f_y.
        center_px: c_x, c_y, with pixel centres at +0.5.
        distortion: k1, k2, p1, p2, k3.
        size_px: width and height of the images that the numbers belong to.
    """
    k1, k2, p1, p2, k3 = distortion
    if not any(distortion):
        return Lens("PINHOLE", (*focal_px, *center_px), *size_px)
    return Lens("FULL_OPENCV", (*focal_px, *center_px, k1, k2, p1, p2, k3, 0.0, 0.0, 0.0), *size_px)


def ego_mask_files(source: Path, cameras: Iterable[str]) -> dict[str, Path]:
    """The files `ego_masks/CAMERA.png` that a log has, by the names of their cameras."""
    files = {name: source / "ego_masks" / f"{name}.png" for name in cameras}
    return {name: path for name, path in files.items() if path.is_file()}


class LogReader(NamedTuple):
    """One kind of driving log.

    Args:
        name: as in `StreetOptions.log_format`.
        marks: the files that tell it, for messages.
        detect: whether a folder is of this kind.
        read: what it says of the frames and cameras that are asked for.
    """

    name: str
    marks: str
    detect: Callable[[Path], bool]
    read: Callable[[Path, StreetOptions], StreetLog]
