"""Sort, binning, blending and its gradient on 100,000 screen-space Gaussians, alone or against a peer.

    python -m benchmarks.bench_rasterizer
    python -m benchmarks.bench_rasterizer --against './other {scene} 20' --pattern 'sum ([0-9.]+) ms'

The other program is handed the same scene as a file (benchmarks/scenes.py has the format) and its time is
read from what it prints. Both run in turn, so that a change in the machine's speed falls on both.
"""

import shlex
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import splat_kernels
import torch

from benchmarks.measuring import Timing, milliseconds_printed_by, repeat, write_result
from benchmarks.scenes import SCENES, screen_scene
from core import cli


@dataclass(frozen=True)
class BenchRasterizer:
    """Time the rasterizer's two-dimensional stage."""

    scenes: tuple[str, ...] = ("s_small", "s_mid")
    """Of benchmarks/scenes.py."""
    threads: int = 0
    """Threads; 0 leaves torch's number."""
    level: str | None = None
    """Instruction level: scalar, avx2 or avx512; the best by default."""
    repeats: int = 30
    """Measured calls a round."""
    rounds: int = 5
    """Rounds, each followed by a run of the other program if there is one."""
    against: str | None = None
    """Another program; {scene} stands for the scene's file."""
    pattern: str = r"sum ([0-9.]+) ms"
    """Regular expression whose first group is the other program's time in milliseconds."""
    compare: Literal["median", "best"] = "median"
    """Which of our figures of a round the other's is held against: `best` where it prints its own best."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchRasterizer) -> None:
    """Print and write the figures of every scene."""
    if command.threads:
        torch.set_num_threads(command.threads)
    if command.level:
        splat_kernels.set_level(command.level)
    figures = {name: _bench_scene(name, command) for name in command.scenes}
    write_result(command.out, figures)


def _bench_scene(name: str, command: BenchRasterizer) -> dict[str, Any]:
    scene = screen_scene(*SCENES[name])
    records, width, height = scene.records(), scene.width, scene.height
    means2d, gradient = records[:, :2].clone(), torch.rand(3, height, width)
    forward_op, backward_op = torch.ops.splat_kernels.rasterize, torch.ops.splat_kernels.rasterize_backward

    def forward() -> tuple[torch.Tensor, ...]:
        return forward_op(means2d, records, None, None, width, height, None)

    def both() -> None:
        backward_op(records, None, None, *forward(), gradient, None, None, None)

    times: dict[str, list[float]] = {"forward": [], "both": []}
    ratios, other_times = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.bin"
        scene.write(path)
        for _ in range(command.rounds):
            times["forward"] += repeat(forward, command.repeats)
            ours = repeat(both, command.repeats)
            times["both"] += ours
            if command.against:
                other = milliseconds_printed_by(
                    shlex.split(command.against.format(scene=path)), command.pattern
                )
                other_times.append(other)
                ratios.append(other / (min(ours) if command.compare == "best" else statistics.median(ours)))
    pairs, evaluations = splat_kernels.pair_counts(records, width, height)
    result = {key: vars(Timing.of(values)) for key, values in times.items()}
    print(f"{name}: {pairs:,} tile pairs, {evaluations:,} evaluations of 16 pixels, {splat_kernels.level()}")
    for key, values in times.items():
        print(f"  {key:8} {Timing.of(values)}")
    figures: dict[str, Any] = {"pairs": pairs, "evaluations": evaluations, **result}
    if ratios:
        figures["other_ms"], figures["ratios"] = other_times, ratios
        other, ratio = statistics.median(other_times), statistics.median(ratios)
        print(f"  other    {other:7.2f} ms; its time over our {command.compare}: {ratio:.2f}")
    return figures


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchRasterizer, description=__doc__))
