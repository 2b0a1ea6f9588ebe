"""Where the sun stands, and that clouds are in the sky only."""

import numpy as np

from data.synthetic.sky import make_sky, sample


def test_the_sun_stands_where_it_was_put() -> None:
    sky = make_sky(0, 64, azimuth_deg=90.0, elevation_deg=30.0)
    np.testing.assert_allclose(sky.to_sun, (0.0, np.cos(np.radians(30)), 0.5), atol=1e-12)
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(3, 500)).astype(np.float32)
    directions[2] = np.abs(directions[2])
    directions /= np.linalg.norm(directions, axis=0)
    toward = sky.radiance(sky.to_sun.astype(np.float32)[:, None]).sum()
    assert toward > 1.5 * np.median(sky.radiance(directions).sum(0))


def test_light_from_above_is_stronger_than_from_below() -> None:
    sky = make_sky(0, 64, azimuth_deg=0.0, elevation_deg=40.0)
    below, level, above = sky.ambient(np.array([-1.0, 0.0, 1.0], np.float32)).sum(0)
    assert below < level < above


def test_samples_interpolate_and_repeat() -> None:
    image = np.arange(16, dtype=np.float32).reshape(4, 4)
    u, v = np.array([0.5, 1.0, 4.5, 0.5], np.float32), np.array([0.5, 0.5, 0.5, 4.5], np.float32)
    np.testing.assert_allclose(sample(image, u, v), [0.0, 0.5, 0.0, 0.0], atol=0.05)
    assert sample(image, u[:0], v[:0]).shape == (0,)
