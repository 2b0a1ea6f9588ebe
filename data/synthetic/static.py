"""A capture of a place where nothing moves: pictures, a COLMAP model, `transforms.json`, depth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from core.errors import UserError
from core.files import write_json
from core.images import read_gray
from core.progress import Progress
from data.synthetic.colmap import write_model, write_transforms
from data.synthetic.files import DEPTH_UNIT_M, new_folder
from data.synthetic.options import CaptureSettings
from data.synthetic.paths import around_the_fountain
from data.synthetic.points import ColoredPoints, Tracks, often_seen, track
from data.synthetic.recording import StaticRecorder, static_name
from data.synthetic.views import Pinhole, pinhole_matrix
from data.synthetic.workers import each

_LEAST_VIEWS_OF_A_POINT = 3


@dataclass(frozen=True)
class StaticCapture(CaptureSettings):
    """Make a capture of a town's square where nothing moves, with exact ground truth."""

    points: int = 25000
    """About how many points the COLMAP model gets."""
    point_noise_m: float = 0.0
    """Standard deviation of an error added to the points, in metres."""
    pixel_noise: float = 0.0
    """Standard deviation of an error added to the points' image positions, in pixels."""


def make_static(settings: StaticCapture) -> None:
    """Write the capture.

    Raises:
        UserError: the settings cannot be met, or the folder cannot be written.
    """
    settings.check(least_frames=3)
    settings.check_lens()
    if settings.points < 1 or settings.point_noise_m < 0 or settings.pixel_noise < 0:
        raise UserError("--points must be positive, --point-noise-m and --pixel-noise must not be negative")
    K = pinhole_matrix(settings.width, settings.height, settings.fov_deg)
    poses = around_the_fountain(settings.frames, settings.seed)
    views = tuple(Pinhole(c2w, K, settings.width, settings.height) for c2w in poses)
    names = [static_name(index) for index in range(len(views))]
    # Points that only one or two pictures see are dropped; half as many again make up for them.
    points_each = max(8, -(-settings.points * 3 // (2 * len(views))))
    with new_folder(settings.out) as folder:
        for name in ("images", "depth"):
            (folder / name).mkdir()
        recorder = StaticRecorder(folder, settings.seed, settings.quality, views, points_each)
        found = []
        with Progress(len(views), label="pictures") as progress:
            for points in each(recorder.record, len(views), settings.workers):
                found.append(points)
                progress.advance()
        points, tracks = _model(folder, views, names, found, settings)
        write_model(folder / "sparse" / "0", names, views, points, tracks)
        write_transforms(folder / "transforms.json", names, views)
        write_json(
            folder / "metadata.json",
            {
                "kind": "static",
                "place": "market square",
                "seed": settings.seed,
                "world": "metres, z up",
                "depth_unit_m": DEPTH_UNIT_M,
                "point_noise_m": settings.point_noise_m,
                "pixel_noise": settings.pixel_noise,
                "points": len(points.xyz),
                "observations": len(tracks.points),
            },
        )


def _model(
    folder: Path,
    views: tuple[Pinhole, ...],
    names: list[str],
    found: list[ColoredPoints],
    settings: StaticCapture,
) -> tuple[ColoredPoints, Tracks]:
    """Points that several pictures see, about as many as asked for, with the errors asked for."""
    rng = np.random.default_rng((settings.seed, 7))
    points = ColoredPoints(
        np.concatenate([some.xyz for some in found]), np.concatenate([some.rgb for some in found])
    )
    depths = ((view, _read_depth(folder / "depth" / name)) for view, name in zip(views, names, strict=True))
    points, tracks = often_seen(points, track(points.xyz, depths), _LEAST_VIEWS_OF_A_POINT)
    chosen = np.zeros(len(points.xyz), bool)
    chosen[rng.permutation(len(chosen))[: settings.points]] = True
    rows = chosen[tracks.points]
    number = np.cumsum(chosen) - 1
    pixels = tracks.pixels[rows]
    if settings.pixel_noise:
        pixels = pixels + rng.normal(0, settings.pixel_noise, pixels.shape)
    xyz = points.xyz[chosen]
    if settings.point_noise_m:
        xyz = xyz + rng.normal(0, settings.point_noise_m, xyz.shape)
    return ColoredPoints(xyz, points.rgb[chosen]), Tracks(
        tracks.images[rows], number[tracks.points[rows]], pixels
    )


def _read_depth(path: Path) -> Float32[ndarray, "H W"]:
    return read_gray(path).astype(np.float32) * np.float32(DEPTH_UNIT_M)
