"""Peak memory and time of global alignment over many frames, on pointmaps of a synthetic scene.

python -m benchmarks.bench_alignment
"""

import math
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measuring import write_result
from core import cli
from core.geometry import invert_se3, transform_points
from core.memory import readable
from core.progress import Progress
from dynamic_predictor.alignment.aligner import align
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.alignment.flow_term import PairFlows, ego_flow
from dynamic_predictor.alignment.masks import dynamic_probabilities
from dynamic_predictor.alignment.pointmaps import Pointmaps, pixel_grid, sample_rows, storage_bytes
from dynamic_predictor.alignment.registration import register_poses
from dynamic_predictor.pairs import default_graph, pair_graph

FOCAL_SHARE = 0.9  # focal length over the image's width
NOISE = 0.01  # of points, relative to their depth
SCALE_SPREAD = 0.2  # of the pairs' scales, as a logarithm


@dataclass(frozen=True)
class BenchAlignment:
    """Measure the peak resident memory of global alignment."""

    frames: int = 200
    """Of the clip; the graph of pairs is the default one."""
    width: int = 512
    """Pixels."""
    height: int = 288
    """Pixels."""
    steps: int = 300
    """Of the optimiser; memory is the same after the first ones."""
    pixels: int | None = 9216
    """Pixels of a frame that take part in the optimisation; None takes all."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchAlignment) -> None:
    """Print and write the peak."""
    size = (command.height, command.width)
    edges = pair_graph(default_graph(command.frames), command.frames)
    config = AlignmentConfig(steps=command.steps, pixels=command.pixels, patience=0)
    focal = FOCAL_SHARE * command.width
    c2w = _path(command.frames)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        pixels = pixel_grid(*size)
        depths = _depths(c2w, pixels / focal)
        pairs = Pointmaps.empty(edges, command.frames, pixels, with_dynamic=True, folder=Path(folder))
        _fill(pairs, c2w, depths, focal)
        filled, before = time.perf_counter(), _peak_gib()
        flows = _flows(edges, c2w, depths, focal, sample_rows(*size, config.pixels), pixels)
        moving = dynamic_probabilities(pairs) > config.dynamic_threshold
        found = align(pairs, size, config, moving=moving, flows=flows)
        seconds = time.perf_counter() - filled
    fit = register_poses(found.c2w, c2w)
    errors = (fit(found.c2w[:, :3, 3]) - c2w[:, :3, 3]).norm(dim=1)
    length = (c2w[1:, :3, 3] - c2w[:-1, :3, 3]).norm(dim=1).sum()
    ratio = found.depths.flatten(1) / depths
    figures = {
        "frames": command.frames,
        "pairs": len(edges),
        "size": f"{command.width}x{command.height}",
        "steps": command.steps,
        "pixels": command.pixels,
        "predictions_on_disk_gib": storage_bytes(len(edges), len(pixels), with_dynamic=True) / 2**30,
        "peak_resident_gib": _peak_gib(),
        "peak_resident_before_alignment_gib": before,
        "seconds_making_pointmaps": filled - start,
        "seconds_alignment": seconds,
        "ate_share_of_path": (errors.square().mean().sqrt() / length).item(),
        "median_depth_error": (ratio / ratio.median() - 1).abs().median().item(),
    }
    stored = readable(storage_bytes(len(edges), len(pixels), with_dynamic=True))
    print(f"{command.frames} frames of {figures['size']}, {len(edges)} pairs, {stored} on disk")
    print(f"peak resident memory {figures['peak_resident_gib']:.2f} GiB, alignment {seconds:.0f} s")
    print(f"ATE {100 * figures['ate_share_of_path']:.3f} % of the path")
    print(f"median depth error {100 * figures['median_depth_error']:.3f} %")
    write_result(command.out, figures)


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _path(frames: int) -> Tensor:
    """A camera that walks along a wall, swaying."""
    c2w = torch.eye(4).repeat(frames, 1, 1)
    for frame in range(frames):
        angle = 0.15 * math.sin(frame / 12)
        c2w[frame, 0, 0] = c2w[frame, 2, 2] = math.cos(angle)
        c2w[frame, 0, 2], c2w[frame, 2, 0] = math.sin(angle), -math.sin(angle)
        c2w[frame, :3, 3] = torch.tensor(
            [0.04 * frame, 0.05 * math.sin(frame / 7), 0.2 * math.sin(frame / 20)]
        )
    return c2w


def _depths(c2w: Tensor, rays: Tensor) -> Tensor:
    """z-depths of a wavy wall, by fixed-point iteration."""
    depths = torch.full((len(c2w), len(rays)), 3.0)
    for frame in range(len(c2w)):
        directions = torch.nn.functional.pad(rays, (0, 1), value=1.0) @ c2w[frame, :3, :3].mT
        for _ in range(40):
            hit = c2w[frame, :3, 3] + depths[frame, :, None] * directions
            wall = 3 + 0.3 * torch.sin(1.7 * hit[:, 0]) * torch.cos(1.3 * hit[:, 1])
            depths[frame] += 0.5 * (wall - hit[:, 2]) / directions[:, 2]
    return depths


def _fill(pairs: Pointmaps, c2w: Tensor, depths: Tensor, focal: float) -> None:
    """Pointmaps with noise, a scale for each pair, and nothing that moves."""
    random = torch.Generator().manual_seed(0)
    rays = torch.nn.functional.pad(pairs.pixels / focal, (0, 1), value=1.0)
    w2c = invert_se3(c2w)
    still = torch.zeros(len(rays))
    with Progress(len(pairs.edges), label="pointmaps") as progress:
        for row, (i, j) in enumerate(pairs.edges.tolist()):
            scale = math.exp(SCALE_SPREAD * torch.randn((), generator=random).item())
            for side, frame in enumerate((i, j)):
                points = transform_points(w2c[i] @ c2w[frame], depths[frame, :, None] * rays)
                noise = 1 + NOISE * torch.randn(len(rays), 1, generator=random)
                confidence = 2 + 8 * torch.rand(len(rays), generator=random)
                pairs.put(row, side, scale * noise * points, confidence, still)
            progress.advance()


def _flows(
    edges: list[tuple[int, int]], c2w: Tensor, depths: Tensor, focal: float, lattice: Tensor, pixels: Tensor
) -> PairFlows:
    """The exact flow of the scene."""
    focals = torch.full((1,), focal)
    flows = [
        ego_flow(depths[i : i + 1, lattice], c2w[i : i + 1], c2w[j : j + 1], focals, focals, pixels[lattice])[
            0
        ]
        for i, j in edges
    ]
    return PairFlows(torch.tensor(edges), torch.stack(flows), torch.ones(len(edges), len(lattice)) > 0)


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchAlignment, description=__doc__))
