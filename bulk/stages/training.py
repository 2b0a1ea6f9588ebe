"""The stages that need the capture itself: `train`, and `postprocess` for runs without camera files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulk.job_options import JobOptions, capture_options
from bulk.jobs import Job
from bulk.manifest import FILE as MANIFEST
from bulk.stages.checking import VALIDATION
from bulk.stages.packing import shards_index
from core import environment
from core.files import read_json, write_json
from core.folders import remove
from core.progress import say
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from core.serialization import differences
from scene.densification import DensificationConfig
from scene.prediction_layout import find_layout
from scene.splits import SplitOptions
from training.camera_files import write_camera_files
from training.dynamic import DynamicConfig
from training.gaussian_fit import ModelConfig
from training.loop import LoopConfig
from training.runs import identity_of, open_run, result_determining
from training.static import StaticConfig, StaticOutputs
from training.train_dynamic import train_dynamic
from training.train_static import train_static

_LOOP = LoopConfig(test_iterations=(), save_iterations=())


def static_config(job: Job, options: JobOptions) -> StaticConfig:
    """The configuration of a job's training, where the scene is photographs with cameras."""
    return StaticConfig(
        seed=options.seed,
        capture=capture_options(job, options),
        split=SplitOptions(split=job.split, split_mode=options.split_mode),
        schedule=ScheduleConfig(iterations=options.iterations),
        model=ModelConfig(sh_degree=options.sh_degree),
        densification=DensificationConfig(max_gaussians=options.max_gaussians),
        loop=_LOOP,
    )


def video_config(job: Job, options: JobOptions) -> DynamicConfig:
    """The configuration of a job's training, where the scene is a video in which things move."""
    default, cap = DynamicConfig(), options.max_gaussians
    points = default.points
    if cap is not None:  # as many as that may be there from the start
        points = replace(points, max_points=min(points.max_points, cap))
    return replace(
        default,
        seed=options.seed,
        capture=replace(default.capture, extra_downscale=options.extra_downscale * 2**options.coarser),
        split=SplitOptions(split=job.split, split_mode=options.split_mode),
        schedule=ScheduleConfig(iterations=options.iterations),
        points=points,
        densification=replace(default.densification, max_gaussians=cap),
        loop=_LOOP,
    )


def train(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Train, or go on training; what an earlier configuration has left of the same scene is removed.

    Returns:
        How many views train and are held out, their size, the rule of the split, Gaussians, seconds.

    Raises:
        UserError: as `train_static` and `train_dynamic`; the folder holds a run on another scene.
        SystemExit: a signal stopped the training.
    """
    folder, source = RunFolder(job.folder), job.scene.folder
    _forget_other_configuration(job, options)
    if job.scene.dataset == "video":
        stopped_by = train_dynamic(source, job.folder, video_config(job, options)).stopped_by
    else:
        config = static_config(job, options)
        if options.iterations in folder.iterations() and folder.timing.exists():
            config = replace(config, outputs=StaticOutputs(save_mode=True))  # trained before
        stopped_by = train_static(source, job.folder, config).stopped_by
    if stopped_by is not None:
        raise SystemExit(128 + stopped_by)
    if not options.keep_checkpoints:
        remove(folder.checkpoint.parent)
    return _facts(job)


def postprocess(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Write partition.json and cam_*.npy of a run that was trained without them.

    Raises:
        UserError: as `train_static`; the scene is a video, whose cameras only its training knows.
    """
    folder = RunFolder(job.folder)
    if job.scene.dataset == "video" or (folder.config.exists() and folder.iterations()):
        run = open_run(job.folder)  # which knows how coarse its images are
        write_camera_files(run.folder, run.capture, run.split)
    else:
        config = replace(static_config(job, options), outputs=StaticOutputs(save_mode=True))
        train_static(job.scene.folder, job.folder, config)
    partition = read_json(folder.partition)
    return {"train_views": len(partition["train"]), "test_views": len(partition["test"])}


def training_traces(job: Job, options: JobOptions) -> tuple[Path, ...]:
    """What is removed before a job is trained anew: all that tells of the earlier training, nothing else.

    The configuration stays, as it says whose folder this is. Of another scene's run nothing is removed: the
    training is going to refuse it.
    """
    folder = RunFolder(job.folder)
    stored = _stored(folder)
    if stored is not None and stored.get("source_path") != _identity(job, options)["source_path"]:
        return ()
    told = (folder.path / MANIFEST, folder.path / VALIDATION, shards_index(job))
    cameras = (folder.extrinsics, folder.camera_intrinsics, folder.partition)
    return (*told, *folder.training_results(), *cameras)


def _facts(job: Job) -> dict[str, Any]:
    run = open_run(job.folder)
    timing, cameras = read_json(run.folder.timing), run.capture.cameras
    return {
        "train_views": len(run.split.train),
        "test_views": len(run.split.test),
        "width": int(cameras.width.max()),
        "height": int(cameras.height.max()),
        "split_rule": run.split.rule,
        "gaussians": len(run.splats),
        "iterations": run.iteration,
        "training_seconds": timing["training_seconds"],
    }


def _forget_other_configuration(job: Job, options: JobOptions) -> None:
    """Remove a run on the same scene that another configuration has left, as after a lower cap."""
    folder, identity = RunFolder(job.folder), _identity(job, options)
    stored = _stored(folder)
    if stored is None or stored.get("source_path") != identity["source_path"]:
        return  # nothing there; or another scene, which the training refuses to touch
    found = differences(result_determining(stored), result_determining(dict(identity)))
    if found:
        say(f"trained anew, as {', '.join(sorted(found))} changed")
        for path in training_traces(job, options):
            remove(path)
        write_json(folder.config, dict(identity))  # last: until then the same is removed again
        write_json(folder.path / environment.FILE, environment.describe())


def _identity(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """What the job's run is told to be."""
    source = job.scene.folder
    if job.scene.dataset != "video":
        return identity_of(source, static_config(job, options))
    film = video_config(job, options)
    if source.is_dir() and find_layout(source) is not None:
        return identity_of(source, film)
    return identity_of(RunFolder(job.folder).prediction, film, video=source)


def _stored(folder: RunFolder) -> dict[str, Any] | None:
    """What the run in a folder says that it is; None if there is none."""
    stored = read_json(folder.config) if folder.config.exists() else None
    return stored if isinstance(stored, dict) else None
