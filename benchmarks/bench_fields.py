"""Features of space and time: the hash grid's kernels, the same in plain torch, and HexPlane.

    python -m benchmarks.bench_fields --out benchmarks/results/fields.json

Forward, and backward with gradients to places, times and parameters; what is kept in between; and a whole
training step with Adam on large tables, with gradients of all rows or of those that were read.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measuring import write_result
from core import cli
from core.optimizers import RowAdam
from scene.fields import HashGrid, HashGridConfig, HexPlane, HexPlaneConfig

WARM_UPS = 1
BOX = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


@dataclass(frozen=True)
class BenchFields:
    """Time the fields of a deformation."""

    points: int = 50_000
    """Places a call."""
    frames: int = 50
    """Of the clip."""
    few_points: int = 5_000
    """Places of the smaller training step."""
    log2_rows: tuple[int, ...] = (15, 19)
    """Binary logarithms of the most rows of a level."""
    threads: int = 0
    """Threads; 0 leaves torch's number."""
    repeats: int = 20
    """Measured calls of the kernels."""
    slow_repeats: int = 3
    """Measured calls of what takes seconds: plain torch and HexPlane."""
    out: Path | None = None
    """JSON file for the figures."""


@dataclass
class Spans:
    """Milliseconds that passed, and that the processor worked, over repeats of one thing."""

    passed: list[float]
    worked: list[float]

    def figures(self) -> dict[str, float]:
        """Medians and bests, without the first repeats."""
        passed = self.passed[WARM_UPS:]
        return {
            "median_ms": statistics.median(passed),
            "best_ms": min(passed),
            "processor_ms": min(self.worked[WARM_UPS:]),
        }

    @contextmanager
    def span(self) -> Iterator[None]:
        """One repeat."""
        passed, worked = time.perf_counter(), time.process_time()
        yield
        self.passed.append(1e3 * (time.perf_counter() - passed))
        self.worked.append(1e3 * (time.process_time() - worked))


Field = HashGrid | HexPlane


def bench(command: BenchFields) -> None:
    """Print and write the figures."""
    if command.threads:
        torch.set_num_threads(command.threads)
    figures: dict[str, Any] = {"points": command.points, "frames": command.frames}
    for name, field, repeats in _fields(command):
        figures[name] = _passes(field, command.points, repeats)
        _print(name, figures[name])
    config = HashGridConfig(hash_log2_rows=max(command.log2_rows))
    for sparse in (False, True):
        field = HashGrid(replace(config, hash_sparse=sparse), BOX, command.frames)
        for points in (command.few_points, command.points):
            name = f"step, {points} points, {'rows read' if sparse else 'all rows'}"
            figures[name] = _step(field, points, command.repeats)
            _print(name, figures[name])
    write_result(command.out, figures)


def _fields(command: BenchFields) -> Iterator[tuple[str, Field, int]]:
    for log2_rows in command.log2_rows:
        config = HashGridConfig(hash_log2_rows=log2_rows)
        yield f"hash grid 2^{log2_rows}", HashGrid(config, BOX, command.frames), command.repeats
    yield "HexPlane", HexPlane(HexPlaneConfig(), BOX, command.frames), command.slow_repeats
    config = HashGridConfig(hash_log2_rows=min(command.log2_rows))
    plain = HashGrid(config, BOX, command.frames, kernels=False)
    yield "hash grid in plain torch", plain, command.slow_repeats


def _places(points: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    xyz, times = torch.rand(points, 3, generator=random), torch.rand(points, generator=random)
    return xyz.requires_grad_(), times.requires_grad_()


def _passes(field: Field, points: int, repeats: int) -> dict[str, Any]:
    """Forward, backward and both, bytes kept a point, and numbers of the field."""
    xyz, times = _places(points)
    upstream = torch.randn(points, field.features)
    spans = {name: Spans([], []) for name in ("forward", "backward", "both")}
    for _ in range(repeats + WARM_UPS):
        field.zero_grad()
        xyz.grad = times.grad = None
        with spans["both"].span():
            with spans["forward"].span():
                features = field(xyz, times)
            with spans["backward"].span():
                features.backward(upstream)
    parameters = sum(parameter.numel() for parameter in field.parameters())
    kept = _bytes_kept(field, lambda: field(xyz, times)) / points
    return {
        **{name: measured.figures() for name, measured in spans.items()},
        "bytes_a_point": round(kept),
        "parameters": parameters,
    }


def _bytes_kept(field: Field, forward: Callable[[], Tensor]) -> int:
    """Bytes kept for backward, each storage once, without those of the field."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        features = forward()
    for own in (*field.parameters(), *field.buffers()):
        kept.pop(own.untyped_storage().data_ptr(), None)
    del features
    return sum(kept.values())


def _step(field: HashGrid, points: int, repeats: int) -> dict[str, Any]:
    """Forward, backward and Adam."""
    xyz, times = _places(points)
    upstream = torch.randn(points, field.features)
    optimizer = RowAdam({"tables": field.tables})
    spans = {name: Spans([], []) for name in ("field", "adam", "both")}
    for _ in range(repeats + WARM_UPS):
        optimizer.zero_grad()
        with spans["both"].span():
            with spans["field"].span():
                field(xyz, times).backward(upstream)
            with spans["adam"].span():
                optimizer.step({"tables": 1e-2})
    gradient = field.tables.grad
    rows = gradient._nnz() if gradient is not None and gradient.is_sparse else len(field.tables)
    return {**{name: measured.figures() for name, measured in spans.items()}, "rows_updated": rows}


def _print(name: str, figures: dict[str, Any]) -> None:
    print(name)
    for part, value in figures.items():
        if isinstance(value, dict):
            medians = f"median {value['median_ms']:8.2f} ms, best {value['best_ms']:8.2f}"
            print(f"  {part:10} {medians}, processor {value['processor_ms']:8.2f}")
        else:
            print(f"  {part:10} {value:,}")


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchFields, description=__doc__))
