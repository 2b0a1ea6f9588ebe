"""Peak memory of a training process: a million Gaussians at a megapixel, through the command line.

python -m benchmarks.bench_memory
"""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import write_result
from core import cli
from core.environment import ROOT
from core.errors import UserError
from core.geometry import look_at
from core.images import write_png
from core.ply import PointArrays, write_points_ply

FOCAL_SHARE = 0.9  # focal length over the image's width


@dataclass(frozen=True)
class BenchMemory:
    """Measure the peak resident memory of training."""

    gaussians: int = 1_000_000
    """From the first step on; their number stays."""
    views: int = 20
    """Photographs, all decoded and kept in memory."""
    width: int = 1280
    """Pixels."""
    height: int = 800
    """Pixels."""
    iterations: int = 40
    """Steps: every view is seen, SSIM moments are cached, a checkpoint and the results are written."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchMemory) -> None:
    """Print and write the peak."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "capture"
        _write_capture(source, command)
        words = ["-s", str(source), "-m", str(Path(folder) / "run"), "--iterations", str(command.iterations)]
        program = [sys.executable, str(ROOT / "train.py"), *words, "--strategy", "none"]
        finished = subprocess.run(program, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise UserError(f"train.py failed: {finished.stderr[-500:]}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    size = f"{command.width} x {command.height}"
    print(f"{command.gaussians:,} Gaussians, {command.views} views of {size}: {peak:.2f} GiB")
    sizes = {"views": command.views, "width": command.width, "height": command.height}
    write_result(command.out, {"gaussians": command.gaussians, **sizes, "peak_resident_gib": peak})


def _write_capture(folder: Path, command: BenchMemory) -> None:
    """Random points around the origin, seen from a circle; the photographs are smooth noise."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    frames = []
    for view in range(command.views):
        noise = rng.integers(0, 256, (command.height // 16 + 1, command.width // 16 + 1, 3), np.uint8)
        image = np.kron(noise, np.ones((16, 16, 1), np.uint8))[: command.height, : command.width]
        write_png(folder / "images" / f"{view:03}.png", image)
        angle = 2 * np.pi * view / command.views
        eye = torch.tensor([4 * np.cos(angle), 0.0, 4 * np.sin(angle)], dtype=torch.float32)
        c2w = look_at(eye, torch.zeros(3), torch.tensor([0.0, -1.0, 0.0]))
        c2w = c2w @ torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))  # to OpenGL's axes
        frames.append({"file_path": f"images/{view:03}.png", "transform_matrix": c2w.tolist()})
    xyz = rng.normal(0, 0.7, (command.gaussians, 3)).astype(np.float32)
    write_points_ply(folder / "points.ply", PointArrays(xyz, rng.integers(0, 256, xyz.shape, np.uint8)))
    focal = FOCAL_SHARE * command.width
    intrinsics = {"w": command.width, "h": command.height, "fl_x": focal, "fl_y": focal}
    center = {"cx": command.width / 2, "cy": command.height / 2}
    described = {**intrinsics, **center, "ply_file_path": "points.ply", "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(described))


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchMemory, description=__doc__))
