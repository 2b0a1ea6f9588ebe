"""The stages that draw a trained run: `render`, `visibility` and `depth`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bulk.ground_truth import share_photographs
from bulk.job_options import JobOptions
from bulk.jobs import Job
from bulk.staging import staged
from core.images import read_gray
from core.progress import say
from gaussian_renderer.depth_files import depth_folders
from training.mask_files import render_masks
from training.mask_options import FOLDERS
from training.rendering import RenderOptions, render_captured
from training.runs import TrainedRun, open_run


def render(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Draw all views beside their photographs, which the splits of a scene share.

    Returns:
        How many views, and how their photographs are stored.

    Raises:
        UserError: the run cannot be read, or a file cannot be written.
    """
    run = open_run(job.folder)
    drawing = RenderOptions(backend=options.backend)
    with staged(run, "render") as place:
        for views in ("train", "test"):
            render_captured(place, views, drawing, depth_of_held_out=False)
        sharing = share_photographs(job, place)
    if sharing.copied:
        say(f"{sharing.copied} photographs of {job.key} are copies of their own: the disk has no links, or "
            "other splits have another size")  # fmt: skip
    return {"views": len(run.capture), "gt_linked": sharing.linked, "gt_copied": sharing.copied}


def visibility(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Draw the masks of what the training views support.

    Returns:
        The mean of the masks that consumers read, over the views of each set: 1 = nothing is supported.

    Raises:
        UserError: the run cannot be read, fewer than two views train, or a file cannot be written.
    """
    run = open_run(job.folder)
    with staged(run, "visibility") as place:
        render_masks(place, options.masks, options.backend)
        return {
            f"unsupported_{views}": _mean_mask(place, views, FOLDERS[options.masks.mask_kinds[0]])
            for views in ("train", "test")
        }


def depth(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Draw depth as colours and as numbers.

    Returns:
        The folders of numbers, and how many views there are.

    Raises:
        UserError: the run cannot be read, or a file cannot be written.
    """
    run = open_run(job.folder)
    drawing = RenderOptions(depth_only=True, depth_format=options.depth_format, backend=options.backend)
    with staged(run, "depth") as place:
        for views in ("train", "test"):
            render_captured(place, views, drawing)
    return {"views": len(run.capture), "folders": list(depth_folders(options.depth_format))}


def _mean_mask(run: TrainedRun, views: str, name: str) -> float | None:
    folder = run.folder.path / views / f"ours_{run.iteration}" / name
    means = [float(np.mean(read_gray(file))) / 255 for file in sorted(folder.glob("[0-9]*.png"))]
    return sum(means) / len(means) if means else None
