"""Wood and bark; the grain runs along u."""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.random import Generator

from data.synthetic.textures.noise import courses, edge_distance, fbm, grid, smoothstep, value_noise
from data.synthetic.textures.texture import Color, Texture, finished, linear, mix, shade


def oak(rng: Generator, size: int) -> Texture:
    """Warm varnished wood, 1 m x 1 m."""
    return _grain(rng, size, linear("#6b431f"), linear("#b98550"))


def walnut(rng: Generator, size: int) -> Texture:
    """Dark wood, 1 m x 1 m."""
    return _grain(rng, size, linear("#33201a"), linear("#75513a"))


def pale_wood(rng: Generator, size: int) -> Texture:
    """Light wood for tinting with paint, 1 m x 1 m."""
    return _grain(rng, size, linear("#b9a386"), linear("#eadcc4"))


def planks(rng: Generator, size: int) -> Texture:
    """Weathered boards with nails, 1.2 m x 1.2 m: 8 boards of 0.15 m."""
    return _boards(rng, size, linear("#5d4936"), linear("#a98c68"))


def painted_planks(rng: Generator, size: int) -> Texture:
    """Boards under flaking paint, near white for tinting, 1.2 m x 1.2 m."""
    bare = _boards(rng, size, linear("#5d4936"), linear("#a98c68"))
    chips = smoothstep(0.70, 0.74, fbm(rng, size, (16, 8), 5, 0.65))
    dirt = fbm(rng, size, (6, 6), 5, 0.6)
    groove = np.clip(bare.height_m / 0.006, 0, 1)
    paint = shade(mix(linear("#b5b1a8"), linear("#e9e6df"), dirt), 0.35 + 0.65 * groove)
    return finished(mix(paint, bare.albedo, chips), (bare.height_m - 0.001 * chips))


def bark(rng: Generator, size: int) -> Texture:
    """Furrowed bark, 0.8 m x 0.8 m; the furrows run along u."""
    ridges = np.abs(fbm(rng, size, (5, 18), 5, 0.6) - 0.5) * 2
    fine = fbm(rng, size, (40, 80), 3, 0.7)
    albedo = mix(linear("#352a20"), linear("#8d7a62"), smoothstep(0.02, 0.45, ridges))
    return finished(shade(albedo, 0.6 + 0.8 * fine), (0.02 * smoothstep(0.0, 0.4, ridges)))


def wicker(rng: Generator, size: int) -> Texture:
    """Basket weave, 0.4 m x 0.4 m."""
    u, v = grid(size)
    over = np.sin(2 * np.pi * 10 * u) * np.sign(np.sin(2 * np.pi * 10 * v))
    strand = np.abs(np.sin(2 * np.pi * 10 * v))
    relief = np.clip(0.5 + 0.5 * over, 0, 1) * strand
    albedo = mix(linear("#4f3419"), linear("#c39a5f"), relief.astype(np.float32))
    return finished(shade(albedo, 0.75 + 0.5 * fbm(rng, size, (24, 24), 3)), (0.006 * relief))


def _grain(rng: Generator, size: int, dark: Color, light: Color) -> Texture:
    _, v = grid(size)
    bend = value_noise(rng, size, (1, 4)) + 0.25 * value_noise(rng, size, (3, 8))
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (9 * v + 3.0 * bend))
    fibres = fbm(rng, size, (4, 90), 3, 0.7)
    streaks = fbm(rng, size, (1, 24), 4, 0.6)
    tone = np.clip(0.25 * rings + 0.55 * streaks + 0.5 * (fibres - 0.3), 0, 1).astype(np.float32)
    pores = smoothstep(0.72, 0.82, fbm(rng, size, (12, 120), 2, 0.7))
    albedo = shade(mix(dark, light, tone), 1 - 0.3 * pores)
    return finished(albedo, (0.0012 * fibres - 0.001 * pores))


def _boards(rng: Generator, size: int, dark: Color, light: Color) -> Texture:
    rows = 8
    x, y, number = courses(size, rows=rows, columns=1, shift=0.4)
    body = smoothstep(0.002, 0.007, edge_distance(x, y, 1.2, 1.2 / rows))
    wood = _grain(rng, size, dark, light)
    tones = rng.uniform(0.72, 1.18, rows).astype(np.float32)
    weather = fbm(rng, size, (4, 16), 5, 0.6)
    nails = _nails(x, y)
    albedo = shade(
        wood.albedo, tones[number] * (0.75 + 0.45 * weather) * (0.25 + 0.75 * body) * (1 - 0.7 * nails)
    )
    return finished(albedo, (0.006 * body + wood.height_m))


def _nails(x: Float32[ndarray, "S S"], y: Float32[ndarray, "S S"]) -> Float32[ndarray, "S S"]:
    """Two nail heads near the end of each board; x and y in [0, 1) of a board of 1.2 m x 0.15 m."""
    heads = np.zeros_like(x)
    for v in (0.28, 0.72):
        heads = np.maximum(heads, smoothstep(0.007, 0.004, np.hypot((x - 0.03) * 1.2, (y - v) * 0.15)))
    return heads.astype(np.float32)
