"""The stages that mend or remove what a job has left: `partition_fix` and `clean`."""

from collections.abc import Mapping
from typing import Any

from bulk.consumer import partition_problems, read_partition
from bulk.ground_truth import forget_photographs
from bulk.job_options import JobOptions
from bulk.jobs import Job
from bulk.stages.packing import shards_index
from bulk.stages.training import postprocess
from bulk.states import JobState
from core.arrays import read_array
from core.errors import UserError
from core.folders import remove
from core.progress import say
from core.run_folder import RunFolder


def partition_fix(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Hold partition.json against cam_extrinsics.npy; what is wrong is written anew from the capture.

    Returns:
        `state`: fine, rewritten, or deleted; `problems` that were found; and whether as many images are
        rendered as the lists now say.

    Raises:
        UserError: the capture does not tell the partition either, and nothing may be deleted.
    """
    problems = _problems(job)
    if not problems:
        return {"state": "fine", "problems": [], "images_fit": _images_fit(job)}
    say(f"{job.key}: {'; '.join(problems)}")
    try:
        postprocess(job, options)
    except UserError as error:
        if not options.yes:
            raise UserError(
                f"{job.folder} has no usable partition ({'; '.join(problems)}) and its capture tells none "
                f"({error}); with --yes --retry-quarantined it is deleted"
            ) from error
        _delete(job)
        return {"state": "deleted", "problems": problems, "images_fit": False}
    return {"state": "rewritten", "problems": problems, "images_fit": _images_fit(job)}


def clean(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Remove all that a job has made: its folder, its shards, photographs that no other split has.

    Returns:
        Whether there was anything.

    Raises:
        UserError: it was not allowed to delete, or cannot.
    """
    if not options.yes:
        raise UserError(f"the stage clean would delete {job.folder}; add --yes if that is meant")
    existed = job.folder.exists()
    _delete(job)
    return {"deleted": existed}


def _delete(job: Job) -> None:
    """In an order that leaves nothing half deleted that counts as done, or as somebody else's."""
    JobState.of(job).forget()
    index, going = shards_index(job), job.folder.with_name(f".{job.name}.part")
    remove(going)
    if job.folder.exists():
        job.folder.rename(going)
        remove(going)
    names = (f"{job.name}-??????.tar", f".{job.name}-??????.*.part.tar")
    for file in (index, *(file for name in names for file in index.parent.glob(name))):
        remove(file)
    forget_photographs(job)


def _problems(job: Job) -> list[str]:
    run = RunFolder(job.folder)
    try:
        partition, poses = read_partition(run.partition), read_array(run.extrinsics)
        intrinsics = read_array(run.camera_intrinsics)
    except UserError as error:
        return [str(error)]
    if poses.shape[1:] != (4, 4) or intrinsics.shape != (len(poses), 3, 3):
        return [f"cam_extrinsics.npy is {list(poses.shape)} and cam_intrinsics.npy {list(intrinsics.shape)}"]
    return partition_problems(partition, len(poses))


def _images_fit(job: Job) -> bool:
    """Whether all that is rendered has as many images as the lists; True where nothing is."""
    run = RunFolder(job.folder)
    partition = read_partition(run.partition)
    return all(
        len(list(folder.glob("*.png"))) == len(partition[folder.parents[1].name])
        for kind in ("renders", "gt")
        for folder in job.folder.glob(f"t[re]*/ours_*/{kind}")
    )
