"""What happens between reading a capture and the first step: memory, time, and images that do not decode."""

import statistics
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from core import memory
from core.errors import UserError
from core.progress import say
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from scene.capture import Capture
from scene.densification import DensificationConfig
from training.pacing import Pacer
from training.task import RehearsalOverError, RehearsalStepper, Task

USUAL_GROWTH = 6
"""By which factor the number of Gaussians usually grows, for forecasts only."""

_REHEARSALS = 5

# Of a pixel: probability, depth and its weight as float32, a mask, weights and residuals at half size, and
# two numbers of image motion at a quarter of it.
_MAP_BYTES = 4 + 4 + 4 + 1 + 1 + 2 * 4 / 4 + 2 * 4 / 16


# Of a lidar return: where it is, where its ray began, its intensity; what moves: a region and a probability.
_RETURN_BYTES = 4 * (3 + 3 + 1) + 8 + 4

SMALLER_IMAGES = "-r 2, -r 4 or -i images_4; of a video --frame-long-side"
"""Flags that make the images of a capture smaller."""

SMALLER_LOG = "--long-side or --downscale; fewer frames by --start-frame and --end-frame help too"
"""Flags that make those of a driving log smaller."""


def expected_gaussians(initial: int, densification: DensificationConfig) -> int:
    """How many Gaussians a run will have in the end, roughly."""
    if densification.strategy == "mcmc":
        return max(initial, densification.max_gaussians or densification.mcmc.default_cap)
    grown = initial if densification.strategy == "none" else USUAL_GROWTH * initial
    if densification.max_gaussians is None:
        return grown
    return max(initial, min(grown, densification.max_gaussians))


def map_bytes(capture: Capture) -> int:
    """What the dynamic method keeps of each frame beside its image: maps of the prediction, image motion."""
    pixels = int((capture.cameras.width * capture.cameras.height).sum())
    return round(_MAP_BYTES * pixels)


def street_bytes(capture: Capture) -> int:
    """What the street method keeps of a driving log beside its images: maps, masks, the lidar's returns."""
    drive = capture.drive
    if drive is None:
        raise ValueError("the capture of a driving log was expected")
    pixels = int((capture.cameras.width * capture.cameras.height).sum())
    masks = (capture.valid_masks, capture.dynamic_masks, drive.sky_masks)
    a_pixel = 4 + sum(mask is not None for mask in masks)  # the probability that something moves
    a_pixel += 4 * (capture.inverse_depths is not None)
    a_pixel += 4 * (capture.valid_masks is not None)  # again, as weights
    returns = sum(len(sweep) for sweep in drive.sweeps if sweep is not None)
    return a_pixel * pixels + _RETURN_BYTES * returns


def check_memory(
    capture: Capture,
    initial: int,
    expected: int,
    *,
    cache_mb: int,
    sh_degree: int,
    map_bytes: int = 0,
    smaller_by: str = SMALLER_IMAGES,
) -> None:
    """Say how much memory the run will take; refuse it if not even its start would fit.

    Args:
        capture: the scene.
        initial: Gaussians at the start.
        expected: Gaussians in the end.
        cache_mb: memory for window moments of the photographs, MiB.
        sh_degree: of the colours.
        map_bytes: what is kept of the views beside their images.
        smaller_by: the flags that make the images smaller.

    Raises:
        UserError: the initial Gaussians and one step do not fit into the memory that is free.
    """
    pixels = int((capture.cameras.width * capture.cameras.height).max())
    coefficients = (sh_degree + 1) ** 2

    def peak(count: int) -> memory.MemoryForecast:
        forecast = memory.forecast(count, pixels, len(capture), cache_mb * 2**20, coefficients)
        return replace(forecast, images=forecast.images + map_bytes)

    most, least = peak(expected), peak(initial)
    free = memory.available_bytes()
    told = f"expected peak memory {memory.readable(most.total)} with {expected:,} Gaussians"
    say(told if free is None else f"{told}, {memory.readable(free)} are free")
    if free is None or most.total <= 0.9 * free:
        return
    if least.total > free:
        raise UserError(
            f"this run needs {memory.readable(least.total)} of memory to start and "
            f"{memory.readable(free)} are free; use smaller images ({smaller_by})"
        )
    fitting = int((0.9 * free - most.images - most.rest) / memory.bytes_per_gaussian(coefficients))
    say(
        f"warning: that may not fit; with --max-gaussians {max(1, fitting // 1000 * 1000)} it would, and "
        "smaller images help too"
    )


def wait_for_images(capture: Capture) -> None:
    """Have everything decoded, so that what is broken is told before the run begins, not in its middle.

    Raises:
        UserError: an image, a mask, a depth map, or a sweep or the boxes of a driving log do not decode.
    """
    drive = capture.drive
    of_views = (capture.valid_masks, capture.dynamic_masks, capture.dynamic_probabilities)
    of_log = () if drive is None else (drive.sky_masks, drive.sweeps, drive.boxes)
    for sequence in (capture.images, *of_views, capture.inverse_depths, *of_log):
        for row in range(0 if sequence is None else len(sequence)):
            sequence[row]  # pyright: ignore[reportOptionalSubscript]


def make_pacer(
    task: Task[Any], folder: RunFolder, config: ScheduleConfig, *, initial: int, expected: int
) -> Pacer | None:
    """What fits a run into the time it was given, if any. For a run that begins: say how long it will take.

    Args:
        task: about to begin, or to go on; a new one takes a few steps that change nothing, to be timed.
        folder: of the run.
        config: how long the run is to be.
        initial: Gaussians at the start.
        expected: Gaussians in the end.
    """
    pacer = None if config.minutes is None else Pacer(60 * config.minutes, config.iterations)
    if folder.checkpoint.exists():
        return pacer
    per_step = _rehearse(task)
    if pacer is None:
        # Steps take longer as Gaussians are added, though far less than in proportion.
        seconds = per_step * (1 + 0.1 * (expected / initial - 1)) * config.iterations
        say(f"expected time {_duration(seconds)} for {config.iterations} iterations")
        return None
    iterations = pacer.first_plan(per_step)
    task.schedule = task.schedule.replanned(0, iterations)
    say(
        f"about {iterations} iterations fit into {config.minutes:g} minutes; their number is adapted on the "
        "way"
    )
    return pacer


def _rehearse(task: Task[Any]) -> float:
    """Seconds of a step at the start. Nothing is updated."""
    times = []
    for batch, step in zip(task.batches(1), range(1, _REHEARSALS + 2), strict=False):
        started = time.perf_counter()
        with suppress(RehearsalOverError):
            task.step(step, batch, RehearsalStepper())
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
