"""A whole training step, Python included, on a capture's initial points; and where its time goes.

    python -m benchmarks.bench_train_step -s CAPTURE -i images_4
    python -m benchmarks.bench_train_step -s CAPTURE --against './other 100' --pattern 'step ([0-9.]+) ms'

The images have their full size from the first step on. Another program is run after ours, and its
milliseconds a step are read from what it prints.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import splat_kernels
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.measuring import Timing, milliseconds_printed_by, repeat, write_result
from core import cli
from scene.cameras import Cameras
from scene.datasets import CaptureOptions
from scene.splats import Splats
from scene.splits import SplitOptions
from training.runs import read_scene
from training.static import RenderConfig, StaticConfig, StaticTask
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
    against: str | None = None
    """Another program that prints its milliseconds a step."""
    pattern: str = r"([0-9.]+) ms"
    """Regular expression whose first group is that number."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchTrainStep) -> None:
    """Print and write the figures."""
    if command.threads:
        torch.set_num_threads(command.threads)
    config = StaticConfig(
        capture=CaptureOptions(images=command.images),
        split=SplitOptions(eval=True),
        render=RenderConfig(coarse_to_fine=0),
    )
    capture, split = read_scene(command.source, config)
    task = StaticTask(config, capture, split.train, split.test)
    batches, stepper, steps = task.batches(1), Stepper(), iter(range(1, 1_000_000))

    def step() -> None:
        task.step(next(steps), next(batches), stepper)

    whole = Timing.of(repeat(step, command.repeats, warm_ups=command.first_step))
    splats, camera = task.model.splats(), capture.cameras[split.train[0]]
    width, height = camera.size
    pairs, evaluations = _work(splats, camera)
    print(f"{capture.name}: {len(splats):,} Gaussians, {width} x {height}, {splat_kernels.level()}")
    print(f"  first view: {pairs:,} tile pairs, {evaluations:,} evaluations of 16 pixels")
    print(f"  step     {whole}")
    figures: dict[str, Any] = {"gaussians": len(splats), "width": width, "height": height}
    figures |= {"pairs": pairs, "evaluations": evaluations, "step": vars(whole)}
    if command.against:
        other = milliseconds_printed_by(shlex.split(command.against), command.pattern)
        figures["other_ms"] = other
        print(f"  other    {other:7.2f} ms; its time over our median: {other / whole.median:.1f}")
    parts = _where_the_time_goes(step)
    for name, milliseconds in parts.items():
        print(f"  {milliseconds:7.3f} ms  {name}")
    write_result(command.out, {**figures, "parts_ms": parts})


@torch.no_grad()
def _work(splats: Splats, camera: Cameras) -> tuple[int, int]:
    """Tile pairs and block evaluations of one view."""
    tables = (splats.means, splats.quats, splats.scales, splats.opacities, splats.sh)
    view, degree = (camera.viewmats[0], camera.Ks[0], *camera.size), splats.sh_degree or 0
    _, records = splat_kernels.project_to_records(*tables, *view, sh_degree=degree, raw=splats.raw)
    return splat_kernels.pair_counts(records, *camera.size)


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
