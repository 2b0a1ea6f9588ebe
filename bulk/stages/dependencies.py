"""What the result of a stage depends on, for markers that say whether it is done."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from bulk.manifest import description, read_manifest
from core.serialization import config_to_json
from core.stages import file_stamps
from scene.datasets.colmap import MODEL_FOLDERS

_AFTER: Mapping[StageName, tuple[StageName, ...]] = {
    "train": (),
    "render": ("train",),
    "visibility": ("train",),
    "depth": ("train",),
    "metrics": ("render",),
    "validate": ("metrics", "visibility"),
    "pack": ("render", "visibility"),
    "postprocess": (),
    "partition_fix": (),
    "clean": (),
}
"""The stages whose results a stage reads."""

_TRAINING = (
    "seed",
    "iterations",
    "split_mode",
    "resolution",
    "extra_downscale",
    "sh_degree",
    "max_gaussians",
    "coarser",
)
_OPTIONS: Mapping[StageName, tuple[str, ...]] = {
    "train": _TRAINING,
    "render": ("backend",),
    "visibility": ("masks", "backend"),
    "depth": ("depth_format", "backend"),
    "metrics": (),
    "validate": ("gates",),
    "pack": ("shard_mb",),
    "postprocess": _TRAINING,
    "partition_fix": (*_TRAINING, "yes"),
    "clean": (),
}
"""The options that a stage's result depends on, beside those of the stages before it."""

_MODEL = ("cameras", "images", "points3D")


def stage_inputs(job: Job, stage: StageName, options: JobOptions) -> Mapping[str, Any]:
    """All that a stage's result depends on, as JSON values. Files are stated, not read.

    Raises:
        UserError: a file of the capture cannot be looked at, or captions or the manifest be read.
    """
    chosen = config_to_json(options)
    inputs: dict[str, Any] = {name: chosen[name] for name in _OPTIONS[stage]}
    if not _AFTER[stage]:
        scene = job.scene
        inputs |= {
            "source": str(scene.folder.absolute()),
            "images": scene.images,
            "dataset": scene.dataset,
            "split": job.split,
            "capture": file_stamps(_files(scene.folder)),
        }
    if stage == "pack":
        inputs["caption"] = description(job, options, read_manifest(job.folder))["caption"]
    for earlier in _AFTER[stage]:
        text = json.dumps(stage_inputs(job, earlier, options), sort_keys=True)
        inputs[earlier] = sha256(text.encode()).hexdigest()
    return inputs


def _files(source: Path) -> list[Path]:
    """The files that say where a capture's cameras are; of a video the film itself."""
    if source.is_file():
        return [source]
    models = [source / folder / name for folder in MODEL_FOLDERS for name in _MODEL]
    named = [model.with_suffix(suffix) for model in models for suffix in (".bin", ".txt")]
    others = [source / "transforms.json", source / "partition.json"]
    return [path for path in (*named, *others) if path.is_file()]
