"""Storage of pairs' predictions."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dynamic_predictor.alignment.pointmaps import (
    Pointmaps,
    frame_confidences,
    pixel_grid,
    sample_rows,
    storage_bytes,
)
from tests.dynamic_predictor.alignment.scenes import wall


def filled(folder: Path | None = None, dtype: torch.dtype = torch.float16) -> Pointmaps:
    pairs = Pointmaps.empty(
        [(0, 1), (1, 0), (2, 1)], 3, pixel_grid(4, 6), with_dynamic=True, folder=folder, dtype=dtype
    )
    random = torch.Generator().manual_seed(0)
    for row in range(3):
        for side in (0, 1):
            values = torch.rand(24, 5, generator=random)
            pairs.put(row, side, values[:, :3], 1 + values[:, 3], values[:, 4])
    return pairs


def test_pixels_are_relative_to_the_middle_and_centred() -> None:
    grid = pixel_grid(4, 6)
    assert grid[0].tolist() == [-2.5, -1.5]
    assert grid[1].tolist() == [-1.5, -1.5]
    torch.testing.assert_close(grid.mean(dim=0), torch.zeros(2))
    torch.testing.assert_close(pixel_grid(4, 6, center=0.0), grid - 0.5)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 300))
def test_samples_are_few_enough_and_evenly_spread(height: int, width: int, at_most: int) -> None:
    rows = sample_rows(height, width, at_most)
    assert 1 <= len(rows) <= max(1, at_most)
    assert len(rows.unique()) == len(rows)
    for places in (rows % width, rows // width):
        gaps = places.unique().diff()
        assert (gaps == gaps[:1]).all()


def test_no_limit_takes_all() -> None:
    assert sample_rows(3, 5, None).tolist() == list(range(15))


def test_files_hold_what_memory_holds(tmp_path: Path) -> None:
    in_memory, in_file = filled(), filled(tmp_path)
    torch.testing.assert_close(in_memory.points, in_file.points, rtol=0, atol=0)
    torch.testing.assert_close(in_memory.confidences, in_file.confidences, rtol=0, atol=0)
    on_disk = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert on_disk == storage_bytes(3, 24, with_dynamic=True)


def test_half_precision_does_not_overflow() -> None:
    pairs = filled()
    pairs.put(0, 0, torch.full((24, 3), 1e9), torch.full((24,), 1e9), torch.zeros(24))
    assert pairs.points.isfinite().all()
    assert pairs.confidences.isfinite().all()


def test_samples_are_the_chosen_pixels() -> None:
    pairs, rows = filled(), sample_rows(4, 6, 8)
    few = pairs.sampled(rows)
    assert few.points.dtype == torch.float32
    torch.testing.assert_close(few.points, pairs.points[:, :, rows].float())
    torch.testing.assert_close(few.pixels, pairs.pixels[rows])
    assert few.dynamic is not None
    assert pairs.dynamic is not None
    torch.testing.assert_close(few.dynamic, pairs.dynamic[:, :, rows].float())


def test_confidence_of_a_frame_is_the_largest_of_all_pairs_and_sides() -> None:
    pairs = filled(dtype=torch.float32)
    expected = torch.zeros(3, 24)
    for row, (i, j) in enumerate(pairs.edges.tolist()):
        expected[i] = torch.maximum(expected[i], pairs.confidences[row, 0])
        expected[j] = torch.maximum(expected[j], pairs.confidences[row, 1])
    torch.testing.assert_close(frame_confidences(pairs), expected)


def test_where_a_frame_is_shown_and_which_row_a_pair_has() -> None:
    pairs = filled()
    assert list(pairs.shown(1)) == [(0, 1), (1, 0), (2, 1)]
    assert pairs.row(2, 1) == 2
    assert pairs.row(1, 2) is None


@pytest.mark.parametrize("frames", [3, 30])
def test_chunks_cover_all_pairs_once(frames: int) -> None:
    pairs = wall(frames, "swin-2-noncyclic").pairs
    rows = [row for part in pairs.chunks() for row in range(part.start, part.stop)]
    assert rows == list(range(len(pairs.edges)))
