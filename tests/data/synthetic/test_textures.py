"""Noise that repeats, blocks in courses, words that fit."""

import numpy as np
import pytest

from data.synthetic.textures.noise import courses, edge_distance, fbm, pebbles, smoothstep, value_noise
from data.synthetic.textures.texture import lettering, linear, mix


def test_value_noise_goes_through_its_lattice_and_repeats() -> None:
    noise = value_noise(np.random.default_rng(0), 96, (6, 3))
    assert 0 <= noise.min() < 0.3
    assert 0.7 < noise.max() <= 1
    for axis in (0, 1):
        seam = np.abs(noise.take(0, axis) - noise.take(-1, axis)).max()
        assert seam <= np.abs(np.diff(noise, axis=axis)).max() * 1.1


def test_fbm_adds_detail_at_every_scale() -> None:
    rough = fbm(np.random.default_rng(0), 128, (4, 4), 6)
    smooth = fbm(np.random.default_rng(0), 128, (4, 4), 1)
    assert np.abs(np.diff(rough)).mean() > 1.5 * np.abs(np.diff(smooth)).mean()
    assert rough.mean() == pytest.approx(0.5, abs=0.12)


def test_pebbles_are_cells_of_their_nearest_points() -> None:
    """Borders are where the number changes, and only there the distance is near zero."""
    border, number = pebbles(np.random.default_rng(0), 128, 6)
    assert border.min() >= 0
    changes = number[:, 1:] != number[:, :-1]
    assert np.minimum(border[:, 1:], border[:, :-1])[changes].max() < 0.15
    assert len(np.unique(number)) > 20


def test_courses_number_whole_blocks() -> None:
    x, y, number = courses(120, rows=4, columns=3, shift=0.5)
    assert len(np.unique(number)) == 12
    assert all((number == block).sum() == 120 * 120 / 12 for block in range(12))
    # Every other row is shifted by half a block.
    assert x[0, 0] == pytest.approx(x[40, 0] + 0.5 - 1, abs=0.02) or x[0, 0] == pytest.approx(
        (x[40, 0] + 0.5) % 1, abs=0.02
    )
    assert edge_distance(x, y, 0.4, 0.3).max() <= 0.15


def test_smoothstep_rises_and_falls() -> None:
    x = np.linspace(-1, 2, 31, dtype=np.float32)
    rising = smoothstep(0.0, 1.0, x)
    assert rising[x <= 0].max() == 0
    assert rising[x >= 1].min() == 1
    np.testing.assert_allclose(smoothstep(1.0, 0.0, x), 1 - rising, atol=1e-6)


def test_linear_is_the_srgb_curve() -> None:
    np.testing.assert_allclose(linear("#000000"), 0)
    np.testing.assert_allclose(linear("#ffffff"), 1)
    np.testing.assert_allclose(linear("#808080"), 0.21586, atol=1e-4)


def test_mix_ends_in_its_colours() -> None:
    weight = np.array([[0.0, 1.0]], np.float32)
    mixed = mix(linear("#ff0000"), linear("#0000ff"), weight)
    np.testing.assert_allclose(mixed[0], [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("aspect", [0.5, 1.0, 6.0])
def test_words_fit(aspect: float) -> None:
    image = np.zeros((128, 128, 3), np.float32)
    lettering(image, "MARKET HALL", (0.5, 0.5), 0.6, linear("#ffffff"), aspect)
    inked = np.argwhere(image[..., 0] > 0.5)
    assert len(inked) > 20
    assert inked[:, 1].min() > 0.08 * 128
    assert inked[:, 1].max() < 0.92 * 128
