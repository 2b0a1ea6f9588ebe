"""Grass, soil, leaves, water and clouds."""

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.random import Generator

from data.synthetic.textures.noise import fbm, pebbles, smoothstep
from data.synthetic.textures.texture import Texture, canvas, finished, flat, linear, mix, palette, shade


def grass(rng: Generator, size: int) -> Texture:
    """Lawn, 1.6 m x 1.6 m: clumps, blades and a few daisies."""
    clumps = fbm(rng, size, (6, 6), 4, 0.6)
    albedo = mix(linear("#3b4a1d"), linear("#77883a"), clumps)
    relief = np.zeros((size, size), np.float32)
    tones = palette("#4c6424", "#6c8434", "#879a45", "#3a5220", "#a0a258")
    _scatter(rng, albedo, relief, tones, count=5200, length=0.020, width=0.0018)
    daisies = palette("#f4f1e4", "#e8c93c")
    _scatter(rng, albedo, relief, daisies, count=60, length=0.005, width=0.005)
    return finished(shade(albedo, 0.75 + 0.5 * clumps), (0.015 * relief + 0.02 * clumps))


def gravel(rng: Generator, size: int) -> Texture:
    """Loose stones, 1.2 m x 1.2 m."""
    border, number = pebbles(rng, size, 34)
    tones = palette("#9b9184", "#7f776c", "#b5aa98", "#8c7b69", "#a59f98", "#6a655e")
    stones = tones[rng.integers(len(tones), size=34 * 34)] * rng.uniform(0.75, 1.2, (34 * 34, 1)).astype(
        np.float32
    )
    dome = smoothstep(0.0, 0.5, border)
    albedo = shade(stones[number], (0.35 + 0.75 * dome) * (0.75 + 0.5 * fbm(rng, size, (64, 64), 3)))
    return finished(albedo, (0.014 * dome))


def soil(rng: Generator, size: int) -> Texture:
    """Dark earth with crumbs, 0.8 m x 0.8 m."""
    crumbs = fbm(rng, size, (24, 24), 4, 0.75)
    return finished(mix(linear("#2a1f16"), linear("#6a543c"), crumbs), (0.02 * crumbs))


def foliage(rng: Generator, size: int) -> Texture:
    """Loose leaves with gaps between them, 1.2 m x 1.2 m, mid green for tinting."""
    albedo = canvas(size, linear("#2c3d18"))
    relief = np.zeros((size, size), np.float32)
    tones = palette("#4d6b26", "#6d8a33", "#3f5a22", "#86a045", "#587a2c")
    _scatter(rng, albedo, relief, tones, count=300, length=0.045, width=0.024)
    return finished(albedo, (0.03 * relief), solid=relief > 0)


def hedge(rng: Generator, size: int) -> Texture:
    """Dense clipped leaves, 0.8 m x 0.8 m."""
    albedo = canvas(size, linear("#1c2b12"))
    relief = np.zeros((size, size), np.float32)
    tones = palette("#3d5c24", "#55762f", "#2f4a1e", "#6c8c3a")
    _scatter(rng, albedo, relief, tones, count=1500, length=0.030, width=0.014)
    return finished(albedo, (0.03 * relief))


def blossoms(rng: Generator, size: int) -> Texture:
    """Leaves and pale flowers for tinting, 0.6 m x 0.6 m."""
    green = hedge(rng, size)
    albedo, relief = green.albedo.copy(), np.zeros((size, size), np.float32)
    _scatter(
        rng, albedo, relief, palette("#f5eeee", "#efdcdc", "#fff8e0"), count=260, length=0.026, width=0.022
    )
    return finished(albedo, (green.height_m + 0.02 * relief))


def water(rng: Generator, size: int) -> Texture:
    """Shallow water over mosaic stones, 1.6 m x 1.6 m."""
    border, number = pebbles(rng, size, 24)
    tones = palette("#2f5d66", "#3c7078", "#27505c", "#4a7f80", "#5b8f8a")
    floor = shade(
        tones[rng.integers(len(tones), size=576)][number], 0.55 + 0.45 * smoothstep(0.02, 0.12, border)
    )
    ripples = np.abs(fbm(rng, size, (8, 8), 5, 0.55) - 0.5) * 2
    glints = smoothstep(0.12, 0.0, ripples)
    return finished(mix(floor, linear("#b9d4d0"), 0.35 * glints), (0.010 * ripples))


def cloud_cover(rng: Generator, size: int) -> Texture:
    """How white the sky is, as a grey tile."""
    billows = fbm(rng, size, (4, 4), 8, 0.55)
    cover = smoothstep(0.46, 0.80, billows)
    return finished(np.repeat(cover[..., None], 3, axis=2), flat(size))


def _scatter(
    rng: Generator,
    albedo: Float32[ndarray, "S S 3"],
    relief: Float32[ndarray, "S S"],
    tones: Float32[ndarray, "K 3"],
    *,
    count: int,
    length: float,
    width: float,
) -> None:
    """Draw leaves or blades over a tile, later ones on top, repeating across its edges.

    Args:
        rng: where the numbers come from.
        albedo: changed in place.
        relief: changed in place: 0 where there is none, up to 1 for the topmost.
        tones: colours to choose from.
        count: how many.
        length: half of a leaf's length, as a fraction of the tile.
        width: half of its width, likewise.
    """
    size = len(relief)
    shift = 4
    centers = rng.random((count, 2)) * size
    angles = rng.uniform(0, 180, count)
    scale = rng.uniform(0.7, 1.3, count)
    colors = tones[rng.integers(len(tones), size=count)] * rng.uniform(0.65, 1.2, (count, 1))
    for i in range(count):
        axes = [max(1, round(part * scale[i] * size * (1 << shift))) for part in (length, width)]
        level = (i + 1) / count
        for dx in _repeats(centers[i, 0], length * 1.3 * size, size):
            for dy in _repeats(centers[i, 1], length * 1.3 * size, size):
                middle = (
                    round((centers[i, 0] + dx) * (1 << shift)),
                    round((centers[i, 1] + dy) * (1 << shift)),
                )
                ellipse = (middle, axes, angles[i], 0, 360)
                cv2.ellipse(albedo, *ellipse, colors[i].tolist(), -1, cv2.LINE_8, shift)
                cv2.ellipse(relief, *ellipse, level, -1, cv2.LINE_8, shift)


def _repeats(position: float, reach: float, size: int) -> list[int]:
    """Shifts by whole tiles that bring something near an edge in from the other side."""
    return [0] + [size] * bool(position < reach) + [-size] * bool(position > size - reach)
