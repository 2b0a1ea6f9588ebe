"""What is read back is the depth that was written, in both formats."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.arrays import read_archive
from core.images import read_gray, write_png
from gaussian_renderer.depth_files import DepthFiles, DepthFormat, depth_folders

DEPTH = torch.tensor([[0.0, 2.0, 3.5], [900.0, 0.25, 1e-2]])
ALPHA = torch.tensor([[0.2, 0.5, 0.75], [1.0, 0.9, 0.6]])


def written(folder: Path, kind: DepthFormat, *depths: torch.Tensor) -> dict[str, dict[str, float]]:
    files = DepthFiles(folder, kind, write_png)
    for row, depth in enumerate(depths):
        files.add(f"{row:05d}", depth, ALPHA)
    files.finish()
    return json.loads((folder / depth_folders(kind)[0] / "views.json").read_text())


def test_png_times_its_unit_is_the_depth(tmp_path: Path) -> None:
    views = written(tmp_path, "png16", DEPTH)
    unit = views["00000"]["unit"]
    assert json.loads((tmp_path / "depth_16bit" / "steps.json").read_text()) == {"00000.png": unit}
    values = read_gray(tmp_path / "depth_16bit" / "00000.png") * unit
    np.testing.assert_allclose(values, DEPTH, atol=unit / 2)
    alphas = read_gray(tmp_path / "depth_alpha" / "00000.png") / 255
    np.testing.assert_allclose(alphas, ALPHA, atol=0.5 / 255 + 1e-6)


def test_arrays_keep_a_relative_precision_at_every_depth(tmp_path: Path) -> None:
    written(tmp_path, "npz", DEPTH)
    depth, alpha, near, far, unit = read_archive(
        tmp_path / "depth_npz" / "00000.npz", ["depth", "alpha", "near", "far", "unit"]
    )
    assert depth.dtype == alpha.dtype == np.float16
    # 2^-11 for half precision; the smallest is among its subnormal numbers, whose steps are 6e-8.
    np.testing.assert_allclose(depth.astype(float) * unit, DEPTH, rtol=5e-4, atol=6e-8 * 900)
    np.testing.assert_allclose(alpha, ALPHA, rtol=5e-4)
    assert (float(near), float(far)) == pytest.approx((1e-2, 900.0))


@pytest.mark.parametrize("kind", ["png16", "npz"])
def test_a_view_of_nothing_has_no_range(tmp_path: Path, kind: DepthFormat) -> None:
    views = written(tmp_path, kind, torch.zeros(2, 3), DEPTH)
    assert views["00000"] == {"near": 0.0, "far": 0.0, "unit": 1.0}
    assert views["00001"]["far"] == 900.0
