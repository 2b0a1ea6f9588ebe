"""Gaussians as they are wished, and values as colours."""

import math
from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaussian_renderer import render
from scene import Cameras, Splats
from tests.training.captures import ring, truth
from viewer.subject import Wish
from viewer.subjects.drawing import (
    alpha_picture,
    error_picture,
    extent_of,
    inside,
    mean_up,
    staticness_picture,
    wished,
)

INFINITE = math.inf


def test_the_plain_wish_changes_nothing(tiny_splats: Splats) -> None:
    assert wished(tiny_splats, Wish()) == tiny_splats


@given(st.floats(0.05, 2.0))
def test_sizes_are_multiplied_in_either_form(factor: float) -> None:
    active = truth()
    raw = replace(active, scales=active.scales.log(), opacities=active.opacities.logit(), raw=True)
    wish = Wish(scale=factor)
    torch.testing.assert_close(wished(active, wish).scales, active.scales * factor)
    torch.testing.assert_close(wished(raw, wish).activated().scales, active.scales * factor)


def test_the_degree_is_at_most_the_stored_one(tiny_splats: Splats) -> None:
    assert [wished(tiny_splats, Wish(sh_degree=degree)).sh_degree for degree in range(4)] == [0, 1, 2, 3]
    assert wished(truth(), Wish(sh_degree=3)).sh_degree == 0


@given(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7))
def test_a_crop_and_what_it_leaves_out_are_all(split: float, other: float) -> None:
    splats = truth()
    whole = ((-INFINITE,) * 3, (INFINITE,) * 3)
    assert bool(inside(splats.means, whole).all())
    left = ((-INFINITE,) * 3, (split, INFINITE, INFINITE))
    right = ((split, -INFINITE, -INFINITE), (INFINITE,) * 3)
    parts = [wished(splats, Wish(crop=side)) for side in (left, right)]
    assert sum(map(len, parts)) == len(splats)
    assert bool((parts[0].means[:, 0] <= split).all())
    low, high = min(split, other), max(split, other)
    band = wished(splats, Wish(crop=((-INFINITE, low, -INFINITE), (INFINITE, high, INFINITE))))
    assert bool(((band.means[:, 1] >= low) & (band.means[:, 1] <= high)).all())


def test_where_a_scene_is() -> None:
    random = torch.Generator().manual_seed(0)
    means = torch.rand(10_000, 3, generator=random) * 2 - 1
    means[:200] *= 5000  # sky
    extent = extent_of(means, ring(6))
    assert max(map(abs, (*extent.low, *extent.high))) < 6
    for low, high, center in zip(extent.low, extent.high, ring(6).centers.T, strict=True):
        assert low <= center.min()
        assert high >= center.max()
    np.testing.assert_allclose(np.linalg.norm(extent.up), 1, atol=1e-6)


def test_nothing_at_all_is_somewhere() -> None:
    none = ring(6)[[]]
    extent = extent_of(torch.zeros(0, 3), none)
    assert extent.size > 0
    assert extent.up == (0.0, 0.0, 1.0)
    point = extent_of(torch.ones(3, 3), none)
    assert all(low < 1 < high for low, high in zip(point.low, point.high, strict=True))


def test_up_is_what_cameras_mean_by_it() -> None:
    up = mean_up(ring(6))
    assert up[1] < -0.95
    viewmats = torch.eye(4).repeat(2, 1, 1)
    viewmats[1, :2] *= -1  # upside down
    rolled = Cameras(viewmats, ring(2).Ks, torch.tensor([8, 8]), torch.tensor([8, 8]))
    assert mean_up(rolled).tolist() == [0.0, 0.0, 1.0]


def test_alpha_and_error_as_pictures() -> None:
    alpha = render(truth(), ring(3)[0]).alphas[0]
    shown = alpha_picture(alpha)
    np.testing.assert_allclose(shown[..., 0] / 255, alpha.numpy(), atol=0.003)
    same = error_picture(shown, shown)
    assert len(np.unique(same.reshape(-1, 3), axis=0)) == 1
    worse = error_picture(np.zeros_like(shown), shown)
    brightness = worse.astype(int).sum(-1)
    order = np.argsort(shown[..., 0].ravel())
    assert (np.diff(brightness.ravel()[order]) >= 0).all(), "more error is brighter"


def test_what_moves_is_not_the_colour_of_what_stands() -> None:
    picture = staticness_picture(torch.tensor([[0.0, 1.0]]))
    assert picture[0, 0, 0] > 200
    assert picture[0, 1, 0] < 50
