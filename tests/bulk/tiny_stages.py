"""Real stages that are done in a moment: a tiny scene trained, rendered and scored, each with an audit.

The module has what `bulk.stages` has, and a run takes it by its name. Its disk is full while a file FULL lies
in the folder of the data set, as a test cannot fill the disk that it shares.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from bulk.states import JobState
from core.errors import UserError
from core.files import write_json
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from core.stages import Stage, content_digest
from evaluation.scoring import score_run, write_scores
from scene.datasets import CaptureOptions
from scene.densification import DensificationConfig
from scene.splits import SplitOptions
from training.gaussian_fit import ModelConfig
from training.loop import LoopConfig
from training.rendering import RenderOptions, render_run
from training.runs import open_run
from training.static import StaticConfig
from training.train_static import train_static

FULL = "FULL"
AUDIT = "audit.jsonl"
INDEX = "index.json"


def _train(job: Job, options: JobOptions) -> Mapping[str, Any]:
    config = StaticConfig(
        seed=options.seed,
        capture=CaptureOptions(images=job.scene.images),
        split=SplitOptions(split=job.split, seed=options.seed),
        schedule=ScheduleConfig(iterations=options.iterations),
        model=ModelConfig(sh_degree=0),
        densification=DensificationConfig(strategy="none"),
        loop=LoopConfig(log_interval=10, checkpoint_seconds=0.2),
    )
    result = train_static(job.scene.folder, job.folder, config)
    if result.stopped_by is not None:
        raise KeyboardInterrupt
    return {"iterations": result.iterations}


def _render(job: Job, options: JobOptions) -> Mapping[str, Any]:
    folders = render_run(open_run(job.folder), RenderOptions())
    return {"folders": len(folders)}


def _metrics(job: Job, options: JobOptions) -> Mapping[str, Any]:
    folder = RunFolder(job.folder)
    methods = score_run(folder, None)
    write_scores(folder, methods)
    scores = [score.psnr for score in methods[-1].views.values()]
    return {"psnr": sum(scores) / len(scores)}


def _audited(stage: StageName, work: Callable[[Job, JobOptions], Mapping[str, Any]]) -> Any:
    def audited(job: Job, options: JobOptions) -> Mapping[str, Any]:
        marker = Stage(
            JobState.of(job).folder,
            stage,
            stage_inputs(job, stage, options),
            stage_outputs(job, stage, options),
        )
        _note(job, stage, "again" if marker.is_done() else "begin")
        result = work(job, options)
        _note(job, stage, "end")
        return result

    return audited


def _note(job: Job, stage: str, event: str) -> None:
    line = {"time": time.monotonic(), "job": job.key, "stage": stage, "event": event, "pid": os.getpid()}
    with (job.root / AUDIT).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


STAGE_WORK: Mapping[StageName, Callable[[Job, JobOptions], Mapping[str, Any]]] = {
    "train": _audited("train", _train),
    "render": _audited("render", _render),
    "metrics": _audited("metrics", _metrics),
}


def stage_inputs(job: Job, stage: StageName, options: JobOptions) -> Mapping[str, Any]:
    if not job.scene.folder.is_dir():
        raise UserError(f"{job.scene.folder} is gone")
    source = content_digest([job.scene.folder / "transforms.json"])
    return {"source": source, "split": job.split, "iterations": options.iterations, "stage": stage}


def stage_outputs(job: Job, stage: StageName, options: JobOptions) -> tuple[Path, ...]:
    folder = RunFolder(job.folder)
    return {
        "train": (folder.point_cloud(options.iterations),),
        "render": (folder.images("test", options.iterations, "renders"),),
        "metrics": (folder.results,),
    }[stage]


def finish(root: Path, jobs: Sequence[Job]) -> None:
    write_json(root / INDEX, [job.key for job in jobs])


_disk_usage = shutil.disk_usage


def _small_disk(path: Path) -> Any:
    usage = _disk_usage(path)
    return usage._replace(free=0) if (Path(path) / FULL).exists() else usage


shutil.disk_usage = _small_disk
