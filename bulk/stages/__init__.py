"""What each stage does to one job, what its result depends on, and what must be there when it is done."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bulk.catalogue import finish
from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from bulk.manifest import describe, update_manifest
from bulk.stages.checking import VALIDATION, metrics, validate
from bulk.stages.dependencies import stage_inputs
from bulk.stages.mending import clean, partition_fix
from bulk.stages.packing import pack, shards_index
from bulk.stages.rendering import depth, render, visibility
from bulk.stages.training import postprocess, train, training_traces
from core.run_folder import RunFolder
from gaussian_renderer.depth_files import depth_folders
from training.mask_options import mask_folders

__all__ = ["STAGE_WORK", "describe", "finish", "stage_inputs", "stage_outputs", "stage_traces"]

Work = Callable[[Job, JobOptions], Mapping[str, Any]]


def _recorded(stage: StageName, work: Work, job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Do a stage, and write what it gave into the manifest, where the job still has a folder."""
    result = work(job, options)
    if job.folder.exists():
        update_manifest(job, options, stage, result)
    return result


_WORK: Mapping[StageName, Work] = {
    "train": train,
    "render": render,
    "visibility": visibility,
    "depth": depth,
    "metrics": metrics,
    "validate": validate,
    "pack": pack,
    "postprocess": postprocess,
    "partition_fix": partition_fix,
    "clean": clean,
}

STAGE_WORK: Mapping[StageName, Work] = {
    stage: partial(_recorded, stage, work) for stage, work in _WORK.items()
}
"""Each does one stage of one job in this process and returns what goes into the record."""


def stage_outputs(job: Job, stage: StageName, options: JobOptions) -> tuple[Path, ...]:
    """Files and folders that must be there for a stage to count as done; it makes no others anew."""
    run, iterations = RunFolder(job.folder), options.iterations
    kinds = {
        "render": ["renders", "gt"],
        "visibility": mask_folders(options.masks),
        "depth": ["depth", *depth_folders(options.depth_format)],
    }.get(stage, [])
    cameras = (run.extrinsics, run.camera_intrinsics, run.partition)
    files: Mapping[StageName, tuple[Path, ...]] = {
        "train": (run.point_cloud(iterations), run.config, *cameras),
        "metrics": (run.results,),
        "validate": (job.folder / VALIDATION,),
        "pack": (shards_index(job),),
        "postprocess": cameras,
    }
    if stage in files:
        return files[stage]
    return tuple(
        run.path / views / f"ours_{iterations}" / kind for views in ("train", "test") for kind in kinds
    )


def stage_traces(job: Job, stage: StageName, options: JobOptions) -> tuple[Path, ...]:
    """What a stage may have left, whole or not, to be removed before it is done from other inputs."""
    if stage == "train":
        return training_traces(job, options)
    return stage_outputs(job, stage, options)
