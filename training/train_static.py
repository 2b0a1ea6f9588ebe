"""The static method from a source folder to a trained run folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import write_json
from core.progress import say
from core.run_folder import RunFolder
from evaluation.report import write_report
from scene.capture import Capture
from scene.splits import Split
from training.camera_files import told_sizes, write_camera_files
from training.loop import FitResult, fit
from training.preparation import check_memory, expected_gaussians, make_pacer, wait_for_images
from training.runs import identity_of, is_same_run, read_scene, save_exposures, start_run
from training.spectator import Spectator
from training.static import StaticConfig, StaticTask
from training.viewer_files import inria_arguments, write_viewer_files


def train_static(
    source: Path, model_path: Path, config: StaticConfig, spectator: Spectator | None = None
) -> FitResult:
    """Train, or go on training, and leave a run folder that can be rendered and scored.

    With `save_mode` only what says which views are where is written; the Gaussians stay what they are.

    Args:
        source: the capture's folder.
        model_path: the run's folder.
        config: the method.
        spectator: looks on while it trains.

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
    say(
        f"{capture.name}: {len(split.train)} views train, {len(split.test)} are held out ({split.rule}); "
        f"images are {told_sizes(capture)}"
    )
    if config.outputs.save_mode:
        return _backfill(folder, identity, capture, split)
    if capture.points is None or not len(capture.points):
        raise UserError(f"{source} has no points to start from; a COLMAP model with points3D was expected")
    initial = len(capture.points)
    expected = expected_gaussians(initial, config.densification)
    check_memory(capture, initial, expected, cache_mb=config.loss.cache_mb, sh_degree=config.model.sh_degree)
    wait_for_images(capture)
    task = StaticTask(config, capture, split.train, split.test)
    pacer = make_pacer(task, folder, config.schedule, initial=initial, expected=expected)
    # Whatever can be wrong with the input has come up by now: from here on the folder is written to.
    if not goes_on:
        start_run(folder, identity)
    write_viewer_files(folder, capture, split.train, split.test, inria_arguments(source, model_path, config))
    write_camera_files(folder, capture, split)
    result = fit(
        task,
        folder,
        config.loop,
        save=lambda iteration: _save(task, folder, iteration),
        pacer=pacer,
        spectator=spectator,
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


def _backfill(folder: RunFolder, identity: Mapping[str, Any], capture: Capture, split: Split) -> FitResult:
    """Write which views are where, for a run that was trained without it; by other programs, say."""
    if not folder.config.exists():
        if folder.path.exists() and not folder.iterations():
            folder.claim()
        write_json(folder.config, dict(identity))
    write_camera_files(folder, capture, split)
    say(
        f"partition.json, cam_extrinsics.npy and cam_intrinsics.npy are in {folder.path}; nothing was trained"
    )
    iterations = folder.iterations()
    return FitResult(iterations[-1] if iterations else 0, 0.0, None, None)


def _save(task: StaticTask, folder: RunFolder, iteration: int) -> None:
    """Write what the task has learned; the Gaussians last, as their presence says that all is there."""
    if task.exposures is not None:
        save_exposures(folder, iteration, task.exposures.to_json())
    task.model.save_ply(folder.point_cloud(iteration))
