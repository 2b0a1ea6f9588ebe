"""What a network says of directed frame pairs: two pointmaps each, confidences, and what moves.

The letters of this package: N frames, E directed pairs (i, j), P pixels of a frame, sides 0 (frame i) and 1
(frame j). Both pointmaps of a pair are in the axes of camera i and in a unit of the pair's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

# Pointmaps are exponentials: a confused network may exceed the range of half precision.
_LARGEST_HALF = 6e4
_CHUNK_VALUES = 2**20


def pixel_grid(
    height: int, width: int, *, center: float = 0.5, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "P 2"]:
    """Pixels (x, y) relative to the middle of the image, row by row.

    Args:
        height: of the image.
        width: of the image.
        center: where the centre of the first pixel is; DUSt3R and its successors have it at 0.
        dtype: of the result.
    """
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=dtype), torch.arange(width, dtype=dtype), indexing="ij"
    )
    middle = torch.tensor([width / 2, height / 2], dtype=dtype)
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2) + center - middle


def sample_rows(height: int, width: int, at_most: int | None) -> Int64[Tensor, " S"]:
    """Rows of `pixel_grid` on an even lattice of at most `at_most` pixels; all of them if that is None."""
    step = 1
    while at_most is not None and -(-height // step) * -(-width // step) > at_most:
        step += 1
    first_row, first_column = ((side - 1) % step // 2 for side in (height, width))
    rows = torch.arange(height * width).reshape(height, width)
    return rows[first_row::step, first_column::step].reshape(-1)


@dataclass(frozen=True)
class Pointmaps:
    """Predictions of E pairs at P pixels; the tensors may lie in a file, and are filled by `put`.

    Args:
        frames: N.
        edges: the pairs, on the CPU.
        pixels: relative to the principal point.
        points: of frame i and of frame j, both in the axes of camera i.
        confidences: at least 1, as the networks have them.
        dynamic: probabilities that a pixel's thing moves; None if the network has no head for it.
    """

    frames: int
    edges: Int64[Tensor, "E 2"]
    pixels: Float[Tensor, "P 2"]
    points: Float[Tensor, "E 2 P 3"]
    confidences: Float[Tensor, "E 2 P"]
    dynamic: Float[Tensor, "E 2 P"] | None = None

    @staticmethod
    def empty(
        edges: list[tuple[int, int]],
        frames: int,
        pixels: Float[Tensor, "P 2"],
        *,
        with_dynamic: bool,
        folder: Path | None = None,
        dtype: torch.dtype = torch.float16,
    ) -> "Pointmaps":
        """Room for predictions: in memory, or in files of a folder that outlives the object."""
        shape = (len(edges), 2, len(pixels))
        return Pointmaps(
            frames,
            torch.tensor(edges, dtype=torch.int64).reshape(-1, 2),
            pixels,
            _room("points", (*shape, 3), dtype, folder),
            _room("confidences", shape, dtype, folder),
            _room("dynamic", shape, dtype, folder) if with_dynamic else None,
        )

    def put(
        self,
        row: int,
        side: int,
        points: Float[Tensor, "P 3"],
        confidences: Float[Tensor, " P"],
        dynamic: Float[Tensor, " P"] | None = None,
    ) -> None:
        """One side of one pair."""
        self.points[row, side] = points.clamp(-_LARGEST_HALF, _LARGEST_HALF).to(self.points)
        self.confidences[row, side] = confidences.clamp(max=_LARGEST_HALF).to(self.confidences)
        if self.dynamic is not None and dynamic is not None:
            self.dynamic[row, side] = dynamic.to(self.dynamic)

    def sampled(self, rows: Int64[Tensor, " S"], dtype: torch.dtype = torch.float32) -> "Pointmaps":
        """The same pairs at fewer pixels, in memory."""
        return Pointmaps(
            self.frames,
            self.edges,
            self.pixels[rows].to(dtype),
            _gathered(self.points, rows, dtype),
            _gathered(self.confidences, rows, dtype),
            None if self.dynamic is None else _gathered(self.dynamic, rows, dtype),
        )

    def chunks(self) -> Iterator[slice]:
        """Runs of pairs that are small enough to be worked on at once."""
        step = max(1, _CHUNK_VALUES // max(1, 2 * len(self.pixels)))
        for start in range(0, len(self.edges), step):
            yield slice(start, min(start + step, len(self.edges)))

    def shown(self, frame: int) -> Iterator[tuple[int, int]]:
        """(pair, side) wherever a frame takes part."""
        for row, pair in enumerate(self.edges.tolist()):
            for side in (0, 1):
                if pair[side] == frame:
                    yield row, side

    def row(self, i: int, j: int) -> int | None:
        """Which row the pair (i, j) has, if it was asked for."""
        found = ((self.edges == torch.tensor([i, j])).all(dim=1)).nonzero()
        return int(found[0]) if len(found) else None


def frame_confidences(pairs: Pointmaps) -> Float[Tensor, "N P"]:
    """The largest confidence that any pair gives a pixel."""
    return _aggregated(pairs, "amax")


def storage_bytes(pair_count: int, pixel_count: int, *, with_dynamic: bool) -> int:
    """What half-precision predictions of so many pairs take."""
    return pair_count * 2 * pixel_count * 2 * (5 if with_dynamic else 4)


def _aggregated(pairs: Pointmaps, reduction: str) -> Float[Tensor, "N P"]:
    working = _working(pairs)
    result = torch.zeros(pairs.frames, len(pairs.pixels), dtype=working)
    for rows in pairs.chunks():
        for side in (0, 1):
            values = pairs.confidences[rows, side].to(working)
            index = pairs.edges[rows, side, None].expand_as(values)
            result.scatter_reduce_(0, index, values, reduction)
    return result


def _working(pairs: Pointmaps) -> torch.dtype:
    """The dtype of sums: never half precision."""
    return torch.promote_types(pairs.confidences.dtype, torch.float32)


def _gathered(values: Tensor, rows: Int[Tensor, " S"], dtype: torch.dtype) -> Tensor:
    gathered = torch.empty(*values.shape[:2], len(rows), *values.shape[3:], dtype=dtype)
    for edge in range(len(values)):
        gathered[edge] = values[edge][:, rows].to(dtype)
    return gathered


def _room(name: str, shape: tuple[int, ...], dtype: torch.dtype, folder: Path | None) -> Tensor:
    if folder is None:
        return torch.zeros(shape, dtype=dtype)
    kind = torch.empty(0, dtype=dtype).numpy().dtype
    return torch.from_numpy(np.memmap(folder / f"{name}.bin", dtype=kind, mode="w+", shape=shape))
