"""Metal, rubber, glass and skin."""

import numpy as np
from numpy.random import Generator

from data.synthetic.textures.noise import fbm, grid, smoothstep
from data.synthetic.textures.texture import Texture, canvas, finished, flat, linear, mix, shade


def enamel(rng: Generator, size: int) -> Texture:
    """Painted metal for tinting, 1 m x 1 m: dust, scratches and chips with rust."""
    dust = fbm(rng, size, (5, 5), 5, 0.6)
    scratches = smoothstep(0.80, 0.88, fbm(rng, size, (4, 110), 3, 0.7))
    chips = smoothstep(0.76, 0.80, fbm(rng, size, (14, 14), 4, 0.6))
    albedo = shade(canvas(size, linear("#dedede")), 0.72 + 0.4 * dust + 0.2 * scratches)
    return finished(mix(albedo, linear("#5b3a26"), 0.85 * chips), (-0.001 * chips))


def plain(rng: Generator, size: int) -> Texture:
    """One colour for tinting, without anything on it."""
    return finished(canvas(size, linear("#e8e8e8")), flat(size))


def car_paint(rng: Generator, size: int) -> Texture:
    """Clean paint for tinting, 2 m x 2 m, with dust toward the sills left to the light."""
    dust = fbm(rng, size, (6, 6), 5, 0.6)
    flakes = fbm(rng, size, (120, 120), 2, 0.9)
    return finished(shade(canvas(size, linear("#e4e4e4")), 0.72 + 0.28 * dust + 0.16 * flakes), flat(size))


def rusty(rng: Generator, size: int) -> Texture:
    """Iron with rust, 0.8 m x 0.8 m."""
    rust = fbm(rng, size, (8, 8), 6, 0.6)
    albedo = mix(linear("#3b3836"), linear("#8a4d28"), smoothstep(0.4, 0.7, rust))
    return finished(shade(albedo, 0.7 + 0.6 * fbm(rng, size, (60, 60), 3)), (0.003 * rust))


def brushed(rng: Generator, size: int) -> Texture:
    """Bare metal for tinting, 0.5 m x 0.5 m."""
    lines = fbm(rng, size, (4, 120), 3, 0.8)
    return finished(shade(canvas(size, linear("#b0b0b2")), 0.6 + 0.7 * lines), flat(size))


def rubber(rng: Generator, size: int) -> Texture:
    """Tyre tread, 0.4 m x 0.4 m."""
    u, v = grid(size)
    tread = smoothstep(-0.2, 0.2, np.sin(2 * np.pi * (12 * u + 3 * np.abs(v - 0.5))))
    albedo = mix(linear("#141414"), linear("#383634"), tread.astype(np.float32))
    return finished(shade(albedo, 0.7 + 0.6 * fbm(rng, size, (30, 30), 3)), (0.006 * tread))


def wheel(rng: Generator, size: int) -> Texture:
    """A wheel's face, stretched over a disc: tyre wall, rim with five spokes, hub with bolts."""
    u, v = grid(size)
    x, y = 2 * u - 1, 2 * v - 1
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    spokes = smoothstep(0.15, 0.35, np.cos(5 * angle)) * smoothstep(0.68, 0.62, radius)
    rim = smoothstep(0.60, 0.63, radius) * smoothstep(0.72, 0.69, radius)
    hub = smoothstep(0.22, 0.19, radius)
    metal = np.maximum(np.maximum(spokes, rim), hub).astype(np.float32)
    bolts = smoothstep(
        0.035, 0.02, np.hypot(x - 0.12 * np.cos(_fifth(angle)), y - 0.12 * np.sin(_fifth(angle)))
    )
    albedo = mix(linear("#191919"), linear("#b9bbbd"), metal * (1 - 0.7 * bolts).astype(np.float32))
    return finished(shade(albedo, 0.75 + 0.4 * fbm(rng, size, (16, 16), 3)), (0.02 * metal))


def glass(rng: Generator, size: int) -> Texture:
    """Dark glass, 1.5 m x 1.5 m: what lights it is what it mirrors."""
    depth = fbm(rng, size, (3, 3), 3)
    return finished(mix(linear("#1d2326"), linear("#38434a"), depth), (0.004 * depth))


def lamp(rng: Generator, size: int) -> Texture:
    """Milky lamp glass, 0.4 m x 0.4 m."""
    return finished(mix(linear("#e8dcb8"), linear("#fff7e0"), fbm(rng, size, (4, 4), 3)), flat(size))


def skin(rng: Generator, size: int) -> Texture:
    """Skin for tinting, 0.4 m x 0.4 m."""
    tone = fbm(rng, size, (6, 6), 4, 0.6)
    return finished(mix(linear("#b9836a"), linear("#d8a58a"), tone), flat(size))


def peel(rng: Generator, size: int) -> Texture:
    """Fruit peel for tinting, 0.1 m x 0.1 m."""
    dimples = fbm(rng, size, (12, 12), 3, 0.6)
    return finished(shade(canvas(size, linear("#e6e0d6")), 0.75 + 0.4 * dimples), (0.0006 * dimples))


def _fifth(angle: np.ndarray) -> np.ndarray:
    """The middle of the fifth of a turn that an angle lies in."""
    return np.round(angle / (2 * np.pi / 5)) * (2 * np.pi / 5)
