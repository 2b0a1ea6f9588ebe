"""What is known of a job's folder, in `manifest.json` inside it: for people, indices and cards.

Every stage adds its own facts and the sums of the files that it wrote, so that it is whole after any of them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bulk.captions import caption_of
from bulk.consumer import read_partition
from bulk.job_options import JobOptions
from bulk.jobs import DatasetName, Job, StageName
from core import environment
from core.files import read_json, sha256_of, write_json
from core.run_folder import RunFolder
from core.serialization import config_to_json
from scene.cameras_json import read_cameras_json
from training.mask_options import FOLDERS, mask_folders, mask_names

FILE = "manifest.json"
FORMAT = "splatworks-scene 1"

LICENCES: Mapping[DatasetName, str] = {
    "dl3dv": "DL3DV-10K: the terms that its owners ask every user to accept; read them before sharing",
    "mipnerf360": "Mip-NeRF 360: not stated in the archives; ask its authors before sharing",
    "colmap": "not stated (--licence)",
    "video": "not stated (--licence)",
}
"""Of the inputs, where no --licence says otherwise."""

CAMERAS = {
    "order": "rows are views sorted by image name; partition.json holds numbers of rows",
    "extrinsics": "cam_extrinsics.npy: float64 [N, 4, 4], camera-to-world, OpenCV axes (x right, y down, z "
    "forward)",
    "intrinsics": "cam_intrinsics.npy: float64 [N, 3, 3], pixels of the images as rendered, pixel centres at "
    "+0.5",
    "world": "that of the input's model, neither moved nor scaled",
}
"""The conventions, for whoever reads the arrays."""

_PRIVATE = {"captions", "licence", "yes"}  # paths of a person, and what has an entry of its own


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a job's folder; empty where there is none.

    Raises:
        UserError: it is broken.
    """
    value = read_json(folder / FILE) if (folder / FILE).exists() else {}
    return value if isinstance(value, dict) else {}


def update_manifest(job: Job, options: JobOptions, stage: StageName, result: Mapping[str, Any]) -> None:
    """Write the manifest anew, with the facts of a stage that has just ended.

    Args:
        job: the job.
        options: how it was done.
        stage: which has ended.
        result: what it gave.

    Raises:
        UserError: a file cannot be read or written.
    """
    before, run = read_manifest(job.folder), RunFolder(job.folder)
    iterations = run.iterations()
    folders = _written_by(stage, options, iterations[-1] if iterations else 0)
    manifest = {
        "format": FORMAT,
        "scene_id": job.name,
        "subset": job.scene.subset,
        "dataset": job.scene.dataset,
        "scene": job.scene.name,
        "split": job.split,
        "seed": options.seed,
        "options": {name: value for name, value in config_to_json(options).items() if name not in _PRIVATE},
        "cameras": CAMERAS,
        "masks": _mask_facts(options),
        **description(job, options, before),
        "environment": environment.describe(),
        "stages": {**before.get("stages", {}), stage: dict(result)},
        "files": {**before.get("files", {}), **sums(run.path, folders), **_key_files(run, iterations)},
        "views": _views(run),
    }
    write_json(run.path / FILE, manifest)


def description(job: Job, options: JobOptions, before: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the scene: caption and licence of these options, or else those of before.

    Args:
        job: the job.
        options: how it is done now.
        before: its manifest; empty where there is none.

    Raises:
        UserError: the captions cannot be read.
    """
    caption, source = before.get("caption"), before.get("caption_source")
    if options.captions is not None:
        caption = caption_of(job, options.captions)
        source = None if caption is None else options.captions.name
    licence = options.licence or before.get("licence") or LICENCES[job.scene.dataset]
    return {"caption": caption or "", "caption_source": source, "licence": licence}


def describe(job: Job, options: JobOptions) -> None:
    """Let a manifest say of the scene what these options do: no stage need be done anew for that.

    Raises:
        UserError: the captions or the manifest cannot be read, or it cannot be written.
    """
    before = read_manifest(job.folder)
    now = {**before, **description(job, options, before)}
    if before and now != before:
        write_json(job.folder / FILE, now)


def sums(root: Path, folders: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Files, bytes and a digest of folders of images, by their names below `root`; those that are there.

    The digest is the SHA-256 of lines `SHA-256 of the file, two blanks, its name`, sorted by name: what
    `sha256sum *` prints.

    Raises:
        UserError: a file cannot be read.
    """
    found = {}
    for name in folders:
        files = sorted(path for path in (root / name).glob("*") if path.is_file())
        if not files:
            continue
        text = "".join(f"{sha256_of(path)}  {path.name}\n" for path in files)
        size = sum(path.stat().st_size for path in files)
        digest = hashlib.sha256(text.encode()).hexdigest()
        found[name] = {"files": len(files), "bytes": size, "sha256": digest}
    return found


def _key_files(run: RunFolder, iterations: list[int]) -> dict[str, dict[str, Any]]:
    clouds = [run.point_cloud(iteration) for iteration in iterations]
    files = [
        *clouds,
        run.cameras,
        run.cfg_args,
        run.input_points,
        run.extrinsics,
        run.camera_intrinsics,
        run.partition,
    ]
    return {
        file.relative_to(run.path).as_posix(): {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in files
        if file.is_file()
    }


def _written_by(stage: StageName, options: JobOptions, iteration: int) -> list[str]:
    kinds = {
        "render": ["renders", "gt"],
        "visibility": mask_folders(options.masks),
        "depth": ["depth", "depth_16bit", "depth_alpha", "depth_npz"],
    }.get(stage, [])
    return [f"{views}/ours_{iteration}/{kind}" for views in ("train", "test") for kind in kinds]


def _mask_facts(options: JobOptions) -> dict[str, Any]:
    return {
        "folder": FOLDERS[options.masks.mask_kinds[0]],
        "folders": mask_folders(options.masks),
        "content": options.masks.mask_content,
        "meaning": "8 bits; 255 = unsupported by the views that train, 0 = supported; binary at one half",
        "names": "%05d.png as the render, and frame_%05d.png = number of the view + 1, which are one file",
        "background_filter": options.masks.mask_background_filter,
    }


def _views(run: RunFolder) -> list[dict[str, Any]]:
    """For each view its image and its files, in the order of the rows of cam_extrinsics.npy."""
    if not (run.partition.exists() and run.cameras.exists()):
        return []
    partition = read_partition(run.partition)
    _, names = read_cameras_json(run.cameras)
    name_of = dict(zip([*partition["test"], *partition["train"]], names, strict=False))
    views = []
    for part in ("train", "test"):
        for position, view in enumerate(partition[part]):
            file, mask = mask_names(position, view)
            views.append({"view": view, "image": name_of.get(view), "set": part, "file": file, "mask": mask})
    return sorted(views, key=lambda entry: entry["view"])
