"""How much disk and how many hours jobs will take, told before anything starts, from a few files' sizes.

At most so many scenes are looked at, evenly spaced over the list: their views are counted, and the size of
one image tells how many pixels it has. So ten thousand scenes on a slow disk take no longer than hundreds.

Where the constants come from. Of a photograph as PNG 1.74 bytes a pixel: 0.9 MB at 960x540, in DL3DV. Of a
Gaussian 62 float32 in `point_cloud.ply`. A step of training: the table of the fox in `docs/results.md`, 506 s
for 7,000 steps at 530x947, an upper bound for two cores; `benchmarks/results/train_step.json` has 8.4 ms for
a step at 265x474 before the scene has grown. Other stages are guesses by their number of renders and images.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bulk.job_options import JobOptions, capture_options
from bulk.jobs import Job, StageName
from core.images import IMAGE_SUFFIXES
from scene.datasets import CaptureOptions
from scene.datasets.colmap import find_model
from scene.datasets.image_folders import check_resolution, target_size
from scene.frames import FrameOptions
from training.preparation import USUAL_GROWTH

_MOST_SCENES_LOOKED_AT = 256

_PNG_BYTES_PER_PIXEL = 1.74
_JPEG_BYTES_PER_PIXEL = 0.35  # quality 90 to 95
_MASK_BYTES_PER_PIXEL = 0.1  # 0.05 MB at 960x540
_DEPTH_BYTES_PER_PIXEL = 1.6  # 16 bits of a smooth surface, deflated
_GAUSSIAN_BYTES = 62.0 * 4
_POINT_BYTES = 110  # of points3D.bin: 51 and a track of seven images
_USUAL_POINTS = 50_000  # of scenes that have no model, or predicted points

_STEP_S = 2e-3  # Python, Adam and the rest of a step
_STEP_S_PER_MEGAPIXEL = 0.14
_DRAW_S_PER_MEGAPIXEL = 0.06
_PNG_S_PER_MEGAPIXEL = 0.08  # coding one, or decoding and scoring it
_FILM_S_PER_VIEW = 6.0  # cameras, masks and depth by the classical predictor at 512 px

_USUAL_ASPECT = 16 / 9

_USUAL_FILM_VIEWS = FrameOptions().max_frames
_USUAL_FILM_PIXELS = 854 * 480


@dataclass(frozen=True)
class Estimate:
    """What jobs will take.

    Args:
        bytes: on the disk, with what goes away after packing.
        seconds: of one worker with two cores; several workers share them out.
        jobs: how many there are.
        scenes_looked_at: of how many scenes files were looked at; the others count as their mean.
    """

    bytes: int
    seconds: float
    jobs: int
    scenes_looked_at: int

    @property
    def gigabytes(self) -> float:
        """On the disk, in 10^9 bytes."""
        return self.bytes / 1e9

    @property
    def hours(self) -> float:
        """Of one worker."""
        return self.seconds / 3600


class _Size(NamedTuple):
    """How large a scene is: views, pixels of each, and points to start from."""

    views: float
    pixels: float
    points: float


def estimate(jobs: Sequence[Job], stages: Sequence[StageName], options: JobOptions | None = None) -> Estimate:
    """Disk and time of jobs.

    Args:
        jobs: all that are still to be done.
        stages: that each goes through.
        options: how each is done; the defaults where there are none.

    Raises:
        UserError: their resolution means nothing.
    """
    if not jobs:
        return Estimate(0, 0.0, 0, 0)
    options = options or JobOptions()
    step = -(-len(jobs) // _MOST_SCENES_LOOKED_AT)
    sizes: dict[Path, _Size] = {}
    space = seconds = ground_truth = 0.0
    for job in jobs[::step]:
        folder = job.scene.folder
        if folder not in sizes:
            sizes[folder] = _size(job, options)
            # Splits of a scene share their ground truth.
            ground_truth += _shared_bytes(sizes[folder], stages)
        space += sum(_bytes(stage, sizes[folder]) for stage in stages)
        seconds += sum(_seconds(stage, job, sizes[folder], options.iterations) for stage in stages)
    looked_at = len(jobs[::step])
    scenes = len({job.scene.folder for job in jobs})
    total = space * len(jobs) / looked_at + ground_truth * scenes / len(sizes)
    return Estimate(round(total), seconds * len(jobs) / looked_at, len(jobs), len(sizes))


def _size(job: Job, options: JobOptions) -> _Size:
    scene = job.scene
    if scene.dataset == "video":
        smaller = options.extra_downscale * 2**options.coarser
        return _Size(_USUAL_FILM_VIEWS, _USUAL_FILM_PIXELS / smaller**2, _USUAL_POINTS)
    images = _images(scene.folder / scene.images)
    if not images:
        return _Size(0, 0, 0)
    model = find_model(scene.folder)
    points = model / "points3D.bin" if model is not None else None
    known = points is not None and points.is_file()
    return _Size(
        len(images),
        _pixels_used(images[len(images) // 2], capture_options(job, options)),
        points.stat().st_size / _POINT_BYTES if points is not None and known else _USUAL_POINTS,
    )


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES]


def _pixels_used(image: Path, options: CaptureOptions) -> float:
    """How many pixels an image has at the size at which it is used, if it is as wide as most."""
    check_resolution(options)
    height = math.sqrt(_pixels(image) / _USUAL_ASPECT)
    width, height = target_size(round(_USUAL_ASPECT * height), round(height), options)
    return float(width * height)


def _pixels(image: Path) -> float:
    """How many pixels an image has, by the size of its file."""
    a_pixel = _PNG_BYTES_PER_PIXEL if image.suffix.lower() == ".png" else _JPEG_BYTES_PER_PIXEL
    return image.stat().st_size / a_pixel


def _shared_bytes(size: _Size, stages: Sequence[StageName]) -> float:
    """Ground truth, which the splits of a scene have in common."""
    return _PNG_BYTES_PER_PIXEL * size.views * size.pixels if "render" in stages else 0.0


def _bytes(stage: StageName, size: _Size) -> float:
    """What a stage of one job writes."""
    pixels = size.views * size.pixels
    return {
        "train": _GAUSSIAN_BYTES * USUAL_GROWTH * size.points,
        "render": _PNG_BYTES_PER_PIXEL * pixels,
        "visibility": 2 * _MASK_BYTES_PER_PIXEL * pixels,  # soft and binary
        "depth": _DEPTH_BYTES_PER_PIXEL * pixels,
        "pack": (2 * _PNG_BYTES_PER_PIXEL + 2 * _MASK_BYTES_PER_PIXEL) * pixels,
    }.get(stage, 0.0)


def _seconds(stage: StageName, job: Job, size: _Size, iterations: int) -> float:
    """How long a stage of one job takes a worker with two cores."""
    megapixels = size.pixels / 1e6
    a_view = {
        "render": _DRAW_S_PER_MEGAPIXEL + 2 * _PNG_S_PER_MEGAPIXEL,
        "visibility": 2 * _DRAW_S_PER_MEGAPIXEL + 2 * _PNG_S_PER_MEGAPIXEL,
        "depth": _DRAW_S_PER_MEGAPIXEL + _PNG_S_PER_MEGAPIXEL,
        "metrics": 3 * _PNG_S_PER_MEGAPIXEL,
        "validate": 3 * _PNG_S_PER_MEGAPIXEL,
        "pack": _PNG_S_PER_MEGAPIXEL,
    }.get(stage, 0.0)
    seconds = size.views * megapixels * a_view
    if stage == "train":
        seconds += iterations * (_STEP_S + _STEP_S_PER_MEGAPIXEL * megapixels)
        if job.scene.dataset == "video":
            seconds += _FILM_S_PER_VIEW * size.views
    return seconds
