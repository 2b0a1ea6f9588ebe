"""Colours keep the order of values; 16-bit depth keeps the values."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps

from core.colormaps import colorize, colorize_depth, depth_range, depth_to_uint16


@given(st.floats(-100, 100), st.floats(1e-2, 100), st.booleans())
def test_ends_of_the_range_get_the_ends_of_the_map(low: float, span: float, turned: bool) -> None:
    high = low - span if turned else low + span
    values = torch.tensor([[low, high, low + 3 * (low - high), high + 3 * (high - low)]], dtype=torch.float64)
    colors = colorize(values, low, high, "viridis")
    first, last = (np.round(np.array(colormaps["viridis"](end)[:3]) * 255) for end in (0.0, 1.0))
    assert np.array_equal(colors[0], [first, last, first, last])


def test_an_empty_range_and_nan_are_colours_too() -> None:
    values = torch.tensor([[float("nan"), 1.0]])
    assert np.array_equal(colorize(values, 1.0, 1.0), colorize(torch.zeros(1, 2), 0.0, 1.0))


def test_grey_map_follows_inverse_depth() -> None:
    """On a linear grey map the level is where 1/z lies between 1/far and 1/near."""
    depth = torch.tensor([[1.0, 2.0, 4.0, 8.0, 100.0, 0.5]])
    levels = colorize_depth(depth, near=1.0, far=8.0, name="gray")[0, :, 0]
    expected = np.clip((1 / depth[0].numpy() - 1 / 8) / (1 - 1 / 8), 0, 1) * 255
    assert np.abs(levels - expected).max() <= 1


def test_no_depth_has_a_colour_of_its_own() -> None:
    colors = colorize_depth(torch.tensor([[0.0, 1.0, 5.0]]), near=1.0, far=5.0)
    table = np.round(colormaps["viridis"](np.arange(256))[:, :3] * 255)
    assert not (table == colors[0, 0]).all(1).any()


@given(st.integers(0, 99))
def test_range_ignores_holes_and_floaters(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    depth = torch.rand(40, 50, generator=generator) + 2
    depth[:5] = 0
    depth[20, :3], depth[21, :3] = 1e-4, 1e6
    near, far = depth_range(depth, torch.where(depth > 0, depth + 1, 0))
    assert 1.9 < near < 2.2
    assert 3.8 < far < 4.1


def test_range_of_nothing_and_of_one_plane() -> None:
    assert depth_range(torch.zeros(2, 2)) == (1.0, 2.0)
    near, far = depth_range(torch.full((2, 2), 3.0))
    assert 0 < near == 3.0 < far


@given(st.integers(0, 99), st.floats(1e-3, 1e6))
def test_16_bit_depth_is_exact_to_half_a_step(seed: int, scale: float) -> None:
    depth = torch.rand(9, 7, generator=torch.Generator().manual_seed(seed)).double() * scale
    depth[0] = 0
    values, step = depth_to_uint16(depth)
    assert np.abs(values * step - depth.numpy()).max() <= step / 2 * (1 + 1e-6)
    assert step <= float(depth.max()) / 65535 * (1 + 1e-6)
    assert (values[0] == 0).all()


def test_16_bit_depth_of_an_empty_view() -> None:
    values, step = depth_to_uint16(torch.zeros(2, 3))
    assert values.dtype == np.uint16
    assert not values.any()
    assert step > 0
