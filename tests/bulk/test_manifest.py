"""What a manifest says is what is there."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from bulk.manifest import read_manifest, sums
from core.files import sha256_of
from tests.bulk.scenes import OPTIONS, do, make_job, make_source


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("2.png", "1.png"):
        (tmp_path / "a" / name).write_bytes(name.encode())
    lines = "".join(f"{hashlib.sha256(n.encode()).hexdigest()}  {n}\n" for n in ("1.png", "2.png"))
    expected = {"files": 2, "bytes": 10, "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    assert sums(tmp_path, ["a", "missing"]) == {"a": expected}


def test_stages_add_what_they_know(tmp_path: Path) -> None:
    job = make_job(make_source(tmp_path / "in" / "scene"), tmp_path / "out")
    captions = tmp_path / "captions.json"
    captions.write_text(json.dumps({"scene": "Blobs."}), encoding="utf-8")
    options = replace(OPTIONS, captions=captions, licence="CC0")
    do(job, "train", options=options)
    first = read_manifest(job.folder)
    assert list(first["stages"]) == ["train"]
    assert first["stages"]["train"]["split_rule"] == "contiguous 10 of 20 views train, seed 0"
    assert (first["caption"], first["caption_source"], first["licence"]) == ("Blobs.", "captions.json", "CC0")
    assert str(tmp_path) not in json.dumps({k: v for k, v in first.items() if k != "environment"})
    do(job, "render", options=options)
    second = read_manifest(job.folder)
    assert list(second["stages"]) == ["train", "render"]
    assert second["files"]["test/ours_12/gt"]["files"] == 10
    for name, known in second["files"].items():
        if (job.folder / name).is_file():
            assert sha256_of(job.folder / name) == known["sha256"]
    do(job, "train", options=replace(options, coarser=1))
    assert list(read_manifest(job.folder)["stages"]) == ["train"], "images of another training are void"


def test_nothing_is_known_without_a_file(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}


def test_without_captions_it_says_so(tmp_path: Path) -> None:
    job = make_job(make_source(tmp_path / "in" / "scene"), tmp_path / "out")
    do(job, "train")
    manifest = read_manifest(job.folder)
    assert (manifest["caption"], manifest["caption_source"]) == ("", None)
    assert np.load(job.folder / "cam_extrinsics.npy").shape[0] == len(manifest["views"]) == 20
