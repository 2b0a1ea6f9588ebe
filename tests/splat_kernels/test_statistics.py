"""What a view says of each Gaussian, against the oracle's loops."""

from collections.abc import Callable

import numpy as np
import pytest
import splat_kernels
import torch

from scene import Splats
from tests import oracles
from tests.gaussian_renderer import scenes
from tests.splat_kernels.agreement import relative_error


def records_of(splats: Splats, width: int, height: int) -> torch.Tensor:
    cameras = scenes.one_camera(width, height, torch.float32)
    return splat_kernels.project_to_records(
        splats.means, splats.quats, splats.scales, splats.opacities, splats.sh, cameras.viewmats[0],
        cameras.Ks[0], width, height, sh_degree=splats.sh_degree, raw=splats.raw,
    )[1]  # fmt: skip


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(("count", "size"), [(150, 0.3), (20, 0.1), (0, 0.1)])
def test_statistics_are_the_oracles(count: int, size: float) -> None:
    splats, cameras = (
        scenes.crowd(count, size=size, dtype=torch.float32),
        scenes.one_camera(33, 21, torch.float32),
    )
    ellipses = scenes.oracle_ellipses(splats, scenes.oracle_camera(cameras))
    expected = oracles.blend(ellipses, 33, 21, np.zeros(3))
    found = splat_kernels.gaussian_statistics(records_of(splats, 33, 21), 33, 21)
    for values, right in zip(
        found, (expected.transmittance_sum, expected.pixel_count, expected.weight_sum), strict=True
    ):
        assert values.shape == (count,)
        # One pixel at a cut-off may be counted differently.
        assert relative_error(values, torch.from_numpy(right)) < 5e-3


def test_weights_sum_to_the_alpha_image() -> None:
    records = records_of(scenes.crowd(500, dtype=torch.float32), 90, 70)
    _, alpha, _ = splat_kernels.rasterize_records(torch.zeros(500, 2), records, 90, 70)
    _, _, weights = splat_kernels.gaussian_statistics(records, 90, 70)
    assert weights.double().sum().item() == pytest.approx(alpha.double().sum().item(), rel=1e-5)


def test_same_bits_on_any_number_of_threads(level: str, set_threads: Callable[[int], None]) -> None:
    records = records_of(scenes.crowd(500, dtype=torch.float32), 90, 70)
    results = []
    for threads in (1, 2, 5):
        set_threads(threads)
        results.append(splat_kernels.gaussian_statistics(records, 90, 70))
    for result in results:
        assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True)), level


def test_pairs_and_evaluations_are_counted() -> None:
    records = records_of(scenes.crowd(500, dtype=torch.float32), 90, 70)
    pairs, evaluations = splat_kernels.pair_counts(records, 90, 70)
    visible = int((splat_kernels.radii_of(records) > 0).all(-1).sum())
    assert visible <= pairs <= visible * 6 * 5
    assert evaluations > 0
    assert splat_kernels.pair_counts(torch.zeros_like(records), 90, 70)[0] == 0
