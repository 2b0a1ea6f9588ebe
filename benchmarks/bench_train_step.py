"""A whole training step, Python included, on a capture's initial points; and where its time goes.

python -m benchmarks.bench_train_step -s CAPTURE -i images_4
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import splat_kernels
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.measuring import Timing, repeat, write_result
from core import cli
from scene.datasets import CaptureOptions
from scene.splits import SplitOptions
from training.runs import read_scene
from training.static import StaticConfig, StaticTask
from training.task import Stepper

PROFILED_STEPS = 50


@dataclass(frozen=True)
class BenchTrainStep:
    """Time training steps before the first densification."""

    source: Annotated[Path, cli.flag("-s", "--source-path")]
    """The capture."""
    images: Annotated[str, cli.flag("-i")] = "images"
    """Folder of images in the capture."""
    threads: int = 0
    """Threads; 0 leaves torch's number."""
    first_step: int = 50
    """Steps before the measurement: the views are decoded and their SSIM moments cached by then."""
    repeats: int = 300
    """Measured steps."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchTrainStep) -> None:
    """Print and write the figures."""
    if command.threads:
        torch.set_num_threads(command.threads)
    config = StaticConfig(capture=CaptureOptions(images=command.images), split=SplitOptions(eval=True))
    capture, split = read_scene(command.source, config)
    task = StaticTask(config, capture, split.train, split.test)
    batches, stepper, steps = task.batches(1), Stepper(), iter(range(1, 1_000_000))

    def step() -> None:
        task.step(next(steps), next(batches), stepper)

    whole = Timing.of(repeat(step, command.repeats, warm_ups=command.first_step))
    count = len(task.model.splats())
    width, height = capture.cameras[split.train[0]].size
    print(f"{capture.name}: {count:,} Gaussians, {width} x {height}, {splat_kernels.level()}")
    print(f"  step     {whole}")
    parts = _where_the_time_goes(step)
    for name, milliseconds in parts.items():
        print(f"  {milliseconds:7.3f} ms  {name}")
    figures: dict[str, Any] = {"gaussians": count, "width": width, "height": height}
    write_result(command.out, {**figures, "step": vars(whole), "parts_ms": parts})


def _where_the_time_goes(step: Any) -> dict[str, float]:
    """Milliseconds a step of our kernels; the profiler slows the rest, which looks larger than it is."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        whole = sum(repeat(step, PROFILED_STEPS, warm_ups=0)) / PROFILED_STEPS
    parts = {
        event.key.removeprefix("splat_kernels::"): event.self_cpu_time_total / 1e3 / PROFILED_STEPS
        for event in profiler.key_averages()
        if event.key.startswith("splat_kernels::")
    }
    kernels = dict(sorted(parts.items(), key=lambda part: -part[1]))
    return {**kernels, "torch, Python, Adam and densification": whole - sum(kernels.values())}


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchTrainStep, description=__doc__))
