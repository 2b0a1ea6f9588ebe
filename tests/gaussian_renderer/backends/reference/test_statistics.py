"""What a view says of each Gaussian, against the oracle's loops."""

import numpy as np
import pytest
import torch

from gaussian_renderer.backends import ViewSettings, reference
from gaussian_renderer.backends.reference import statistics
from gaussian_renderer.rendering import LOW_PASS
from scene import Splats
from tests import oracles
from tests.gaussian_renderer import scenes


def found_and_expected(
    splats: Splats, width: int, height: int
) -> tuple[tuple[torch.Tensor, ...], oracles.Picture]:
    camera = scenes.one_camera(width, height)
    settings = ViewSettings(width, height, 3, 0.01, 1e10, LOW_PASS, antialiased=False)
    view = reference.project_view(splats, camera.viewmats[0], camera.Ks[0], settings)
    ellipses = scenes.oracle_ellipses(splats, scenes.oracle_camera(camera))
    return view.transmittance_in_front(), oracles.blend(ellipses, width, height, np.zeros(3))


@pytest.mark.parametrize(("count", "size"), [(150, 0.3), (20, 0.1), (0, 0.1)])
@pytest.mark.parametrize("chunk", [1024, 7])
def test_sums_are_the_oracles(count: int, size: float, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CHUNK_SIZE", chunk)
    (sums, counts), expected = found_and_expected(scenes.crowd(count, size=size), 33, 21)
    np.testing.assert_allclose(sums.numpy(), expected.transmittance_sum, atol=1e-9)
    np.testing.assert_array_equal(counts.numpy(), expected.pixel_count)


def test_nothing_is_drawn_behind_pixels_that_have_ended() -> None:
    walls = Splats(
        means=torch.tensor([[0.0, 0, depth] for depth in range(6)]).double(),
        quats=torch.tensor([[1.0, 0, 0, 0]] * 6).double(),
        scales=torch.full((6, 3), 30.0).double(),
        opacities=torch.full((6,), 0.99).double(),
        sh=torch.zeros(6, 16, 3).double(),
    )
    (_, counts), expected = found_and_expected(walls, 12, 10)
    assert counts[0] == 120
    assert counts[-1] == 0
    np.testing.assert_array_equal(counts.numpy(), expected.pixel_count)
