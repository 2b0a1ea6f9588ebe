"""The stages that judge a job: `metrics`, and `validate` with its gates."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from bulk.consumer import accept
from bulk.job_options import Gates, JobOptions
from bulk.jobs import Job
from bulk.manifest import read_manifest
from core.files import write_json
from core.images import read_image
from core.losses import psnr
from core.run_folder import RunFolder
from evaluation.ground_truth import GroundTruth
from evaluation.image_metrics import BEST_PSNR
from evaluation.lpips import load_lpips
from evaluation.runs import score_runs
from evaluation.scoring import image_pairs, rendered_iterations
from training.mask_options import FOLDERS

VALIDATION = "validation.json"
"""What `validate` found, in a job's folder."""


def metrics(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Score the held-out views; of those that trained, PSNR alone.

    Returns:
        Means of psnr, ssim and lpips (None without its weights), psnr_train, and the worst view.

    Raises:
        UserError: the job has not been rendered, or an image does not decode.
    """
    del options  # scores have no choices
    folder = RunFolder(job.folder)
    methods = score_runs([folder], load_lpips("vgg"), GroundTruth())[0].methods
    trained = _mean_psnr(folder)
    if not methods:
        return {"psnr": None, "psnr_train": trained}
    mean, views = methods[0].mean, methods[0].views
    worst = min(views, key=lambda name: views[name].psnr)
    return {
        "psnr": mean.psnr,
        "ssim": mean.ssim,
        "lpips": mean.lpips,
        "psnr_train": trained,
        "worst_view": worst,
        "worst_psnr": views[worst].psnr,
    }


def validate(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Hold a job against the contract of its consumers and the gates of quality.

    A job below a gate is kept. It is marked in `validation.json`, the manifest and the index.

    Returns:
        `passed`, and `problems` as sentences, those of the contract first; `contract` counts these.

    Raises:
        UserError: the manifest is broken, or a file cannot be written.
    """
    contract = accept(job.folder, FOLDERS[options.masks.mask_kinds[0]])
    problems = contract + gate_problems(read_manifest(job.folder).get("stages", {}), options.gates)
    found = {"passed": not problems, "problems": problems, "contract": len(contract)}
    write_json(job.folder / VALIDATION, found)
    return found


def gate_problems(stages: Mapping[str, Mapping[str, Any]], gates: Gates) -> list[str]:
    """Which gates a job is below, as sentences; a number that no stage has given yet passes.

    Args:
        stages: what the stages of the job gave, by their names.
        gates: what is expected.
    """
    train, scores, masks = (stages.get(name, {}) for name in ("train", "metrics", "visibility"))
    least = (
        ("PSNR of held-out views", scores.get("psnr"), gates.gate_psnr, "dB"),
        ("PSNR of views that trained", scores.get("psnr_train"), gates.gate_train_psnr, "dB"),
        ("number of Gaussians", train.get("gaussians"), gates.gate_gaussians, ""),
        ("number of views that train", train.get("train_views"), gates.gate_train_views, ""),
        ("number of held-out views", train.get("test_views"), gates.gate_test_views, ""),
        ("width of the images", train.get("width"), gates.gate_size[0], "px"),
        ("height of the images", train.get("height"), gates.gate_size[1], "px"),
    )
    problems = [
        f"{name} is {value:.4g} {unit}".strip() + f"; {gate:g} or more was expected"
        for name, value, gate, unit in least
        if value is not None and not value >= gate
    ]
    unsupported = masks.get("unsupported_test")
    if unsupported is not None and not unsupported <= gates.gate_unsupported:
        problems.append(
            f"{unsupported:.0%} of the held-out views is unsupported; {gates.gate_unsupported:.0%} or less "
            "was expected"
        )
    return problems


def _mean_psnr(folder: RunFolder) -> float | None:
    """Over the views that trained, whole images."""
    iteration = rendered_iterations(folder, "train")[-1]
    values = []
    for render, photograph in image_pairs(folder, "train", iteration):
        images = (torch.from_numpy(read_image(path)).float() / 255 for path in (render, photograph))
        values.append(min(psnr(*images), BEST_PSNR))
    return float(np.mean(values)) if values else None
