"""The static method from a source folder to a trained run folder."""

import statistics
import time
from contextlib import suppress
from pathlib import Path

from core import memory
from core.errors import UserError
from core.files import write_json
from core.progress import say
from core.run_folder import RunFolder
from evaluation.report import write_report
from scene.capture import Capture
from training.loop import FitResult, fit
from training.pacing import Pacer
from training.runs import identity_of, is_same_run, read_scene, start_run
from training.static import StaticConfig, StaticTask
from training.task import RehearsalOverError, RehearsalStepper
from training.viewer_files import write_viewer_files

USUAL_GROWTH = 6
"""By which factor the number of Gaussians usually grows, for forecasts only."""

_REHEARSALS = 5


def train_static(source: Path, model_path: Path, config: StaticConfig) -> FitResult:
    """Train, or go on training, and leave a run folder that can be rendered and scored.

    Args:
        source: the capture's folder.
        model_path: the run's folder.
        config: the method.

    Raises:
        UserError: the source cannot be read, the folder holds another run, memory does not suffice, a file
            cannot be written, or the loss keeps being non-finite.
    """
    folder = RunFolder(model_path)
    identity = identity_of(source, config)
    goes_on = is_same_run(folder, identity)
    capture, split = read_scene(source, config)
    for note in capture.notes:
        say(note)
    say(f"{capture.name}: {len(split.train)} views train, {len(split.test)} are held out ({split.rule})")
    if capture.points is None or not len(capture.points):
        raise UserError(f"{source} has no points to start from; a COLMAP model with points3D was expected")
    gaussians = expected_gaussians(len(capture.points), config)
    check_memory(capture, gaussians, config)
    wait_for_images(capture)
    task = StaticTask(config, capture, split.train, split.test)
    if folder.checkpoint.exists():
        minutes = config.schedule.minutes
        pacer = None if minutes is None else Pacer(60 * minutes, config.schedule.iterations)
    else:
        pacer = _plan(task, gaussians)
    # Whatever can be wrong with the input has come up by now: from here on the folder is written to.
    if not goes_on:
        start_run(folder, identity)
    arguments = _inria_arguments(source, model_path, config)
    write_viewer_files(folder, capture, split.train, split.test, arguments)
    result = fit(
        task, folder, config.loop, save=lambda iteration: _save(task, folder, iteration), pacer=pacer
    )
    if result.stopped_by is None:
        write_report(folder)
        say(
            f"{result.iterations} iterations and {len(task.model):,} Gaussians in {result.seconds:.1f} s; "
            f"results are in {model_path}"
        )
    else:
        say(f"stopped after iteration {result.iterations}; the same command continues from there")
    return result


def expected_gaussians(points: int, config: StaticConfig) -> int:
    """How many Gaussians a run will have in the end, roughly."""
    densification = config.densification
    if densification.strategy == "mcmc":
        return max(points, densification.max_gaussians or densification.mcmc.default_cap)
    grown = points if densification.strategy == "none" else USUAL_GROWTH * points
    return (
        grown if densification.max_gaussians is None else max(points, min(grown, densification.max_gaussians))
    )


def check_memory(capture: Capture, gaussians: int, config: StaticConfig) -> None:
    """Say how much memory the run will take; refuse it if not even its start would fit.

    Raises:
        UserError: the initial Gaussians and one step do not fit into the memory that is free.
    """
    pixels = int((capture.cameras.width * capture.cameras.height).max())
    coefficients = (config.model.sh_degree + 1) ** 2

    def peak(count: int) -> memory.MemoryForecast:
        return memory.forecast(count, pixels, len(capture), config.loss.cache_mb * 2**20, coefficients)

    expected, least = peak(gaussians), peak(len(capture.points) if capture.points is not None else 0)
    free = memory.available_bytes()
    told = f"expected peak memory {memory.readable(expected.total)} with {gaussians:,} Gaussians"
    say(told if free is None else f"{told}, {memory.readable(free)} are free")
    if free is None or expected.total <= 0.9 * free:
        return
    if least.total > free:
        raise UserError(
            f"this run needs {memory.readable(least.total)} of memory to start and "
            f"{memory.readable(free)} are free; "
            f"use smaller images (-r 2, -r 4 or -i images_4)"
        )
    fitting = int((0.9 * free - expected.images - expected.rest) / memory.bytes_per_gaussian(coefficients))
    say(
        f"warning: that may not fit; with --max-gaussians {max(1, fitting // 1000 * 1000)} it would, and "
        "smaller images help too"
    )


def wait_for_images(capture: Capture) -> None:
    """Have every image decoded, so that a broken one is told before the run begins, not in its middle.

    Raises:
        UserError: an image, a mask or a depth map does not decode.
    """
    for sequence in (capture.images, capture.valid_masks, capture.inverse_depths):
        for view in range(len(capture) if sequence is not None else 0):
            sequence[view]  # pyright: ignore[reportOptionalSubscript]


def _plan(task: StaticTask, gaussians: int) -> Pacer | None:
    """Time a few steps, say how long the run will take, and fit it into the time it was given, if any."""
    config = task.config.schedule
    per_step = _rehearse(task)
    if config.minutes is None:
        # Steps take longer as Gaussians are added, though far less than in proportion.
        growth = 1 + 0.1 * (gaussians / len(task.model) - 1)
        say(
            f"expected time {_duration(per_step * growth * config.iterations)} for {config.iterations} "
            "iterations"
        )
        return None
    pacer = Pacer(60 * config.minutes, config.iterations)
    iterations = pacer.first_plan(per_step)
    task.schedule = task.schedule.replanned(0, iterations)
    say(
        f"about {iterations} iterations fit into {config.minutes:g} minutes; their number is adapted on "
        "the way"
    )
    return pacer


def _rehearse(task: StaticTask) -> float:
    """Seconds of a step at the start. Nothing is updated."""
    times = []
    for row, step in zip(task.batches(1), range(1, _REHEARSALS + 2), strict=False):
        started = time.perf_counter()
        with suppress(RehearsalOverError):
            task.step(step, row, RehearsalStepper())
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


def _save(task: StaticTask, folder: RunFolder, iteration: int) -> None:
    task.model.save_ply(folder.point_cloud(iteration))
    if task.exposures is not None:
        write_json(folder.exposure, task.exposures.to_json())


def _inria_arguments(source: Path, model_path: Path, config: StaticConfig) -> dict[str, object]:
    return {
        "sh_degree": config.model.sh_degree,
        "source_path": str(source.absolute()),
        "model_path": str(model_path),
        "images": config.capture.images,
        "resolution": config.capture.resolution,
        "white_background": config.render.white_background,
        "data_device": "cpu",
        "eval": config.split.eval,
    }
