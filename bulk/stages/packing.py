"""The stage `pack`: a job as WebDataset shards, with checksums.

`ROOT/shards/SUBSET/SCENE_SPLIT-000000.tar` holds a sample a view, in the order of the views: files
`SCENE_SPLIT/00012.{gt,render,mask}.png` and `.json` with the view's number, set, camera and image name. The
same job gives the same bytes. `SCENE_SPLIT.json` beside the shards lists them with their sums; it comes last.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bulk.consumer import SceneReader
from bulk.job_options import JobOptions
from bulk.jobs import Job
from bulk.manifest import description, read_manifest
from core.files import atomic_write, explain, sha256_of, write_json
from core.folders import remove
from training.mask_options import FOLDERS

_MB = 10**6


def shards_index(job: Job) -> Path:
    """The list of a job's shards."""
    return job.root / "shards" / job.scene.subset / f"{job.name}.json"


def pack(job: Job, options: JobOptions) -> Mapping[str, Any]:
    """Write the shards of a job, and their list.

    Returns:
        How many shards, samples and bytes there are.

    Raises:
        UserError: the job has not been rendered or has no masks, or a file cannot be written.
    """
    index = shards_index(job)
    remove(index)
    for half in index.parent.glob(f".{job.name}-??????.*.part.tar"):  # of a worker that was killed
        remove(half)
    shards = []
    for number, samples in enumerate(_batches(_samples(job, options), options.shard_mb * _MB)):
        shard = index.with_name(f"{job.name}-{number:06d}.tar")
        with (
            atomic_write(shard) as temporary,
            tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for name, content in (file for sample in samples for file in sample):
                member = tarfile.TarInfo(name)  # no owner and no time, so that the bytes repeat
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        size = shard.stat().st_size
        shards.append(
            {"file": shard.name, "samples": len(samples), "bytes": size, "sha256": sha256_of(shard)}
        )
    for old in index.parent.glob(f"{job.name}-??????.tar"):
        if old.name not in {shard["file"] for shard in shards}:
            remove(old)
    write_json(index, {"scene_id": job.name, "subset": job.scene.subset, "shards": shards})
    return {
        "shards": len(shards),
        "samples": sum(shard["samples"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
    }


_Sample = list[tuple[str, bytes]]


def _samples(job: Job, options: JobOptions) -> Iterator[_Sample]:
    reader = SceneReader(job.folder, FOLDERS[options.masks.mask_kinds[0]])
    manifest = read_manifest(job.folder)
    caption = description(job, options, manifest)["caption"]
    images = {entry["view"]: entry["image"] for entry in manifest.get("views", [])}
    for index in sorted(reader.places):
        key = f"{job.name}/{index:05d}"
        facts = {
            "scene_id": job.name,
            "subset": job.scene.subset,
            "view": index,
            "set": reader.places[index].views,
            "image": images.get(index),
            "c2w": reader.extrinsics[index].tolist(),
            "K": reader.intrinsics[index].tolist(),
            "caption": caption,
        }
        yield [
            *((f"{key}.{name}.png", _read(reader.path(index, kind))) for name, kind in _kinds(reader.masks)),
            (f"{key}.json", json.dumps(facts, sort_keys=True).encode()),
        ]


def _kinds(masks: str) -> tuple[tuple[str, str], ...]:
    return ("gt", "gt"), ("render", "renders"), ("mask", masks)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error


def _batches(samples: Iterator[_Sample], limit: int) -> Iterator[list[_Sample]]:
    """Samples together until they are as large as a shard may be."""
    batch: list[_Sample] = []
    size = 0
    for sample in samples:
        batch.append(sample)
        size += sum(len(content) for _, content in sample)
        if size >= limit:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
