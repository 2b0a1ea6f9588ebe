"""What a browser gets is what our renderer draws, in colours of degree zero."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.splats import Splats
from tests.training.captures import truth
from viewer.browser_splats import browser_arrays


@given(st.integers(0, 1000))
def test_covariances_have_the_axes_of_the_gaussians(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    splats = replace(truth(5), quats=torch.randn(5, 4, generator=random))
    centers, covariances, colours, opacities = browser_arrays(splats)
    np.testing.assert_allclose(centers, splats.means)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(covariances), np.sort(splats.scales.numpy() ** 2, axis=1), rtol=1e-3, atol=1e-6
    )
    np.testing.assert_allclose(opacities[:, 0], splats.opacities)
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_raw_gaussians_are_the_same(tiny_splats: Splats) -> None:
    raw, active = browser_arrays(tiny_splats), browser_arrays(tiny_splats.activated())
    for one, other in zip(raw, active, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    assert raw[0].shape == (8, 3)


def test_what_cannot_be_seen_is_not_sent() -> None:
    splats = truth(6)
    splats.opacities[2] = 1 / 300
    assert len(browser_arrays(splats)[0]) == 5
