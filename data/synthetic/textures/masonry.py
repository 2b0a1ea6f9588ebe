"""Brick, stone, plaster, paving and roofs."""

import numpy as np
from numpy.random import Generator

from data.synthetic.textures.noise import courses, edge_distance, fbm, grid, pebbles, smoothstep, value_noise
from data.synthetic.textures.texture import Texture, finished, linear, mix, palette, shade


def bricks(rng: Generator, size: int) -> Texture:
    """Running bond, 2 m x 2 m: 24 courses of 8 bricks with sunken mortar."""
    uneven = (value_noise(rng, size, (96, 96)) - 0.5) * np.float32(0.10)
    x, y, number = courses(size, rows=24, columns=8, warp=uneven)
    edge = edge_distance(x, y, 0.25, 2 / 24)
    body = smoothstep(0.004, 0.010, edge)
    tones = palette("#a8583e", "#96482f", "#b5674a", "#8a4a38", "#9d5a45", "#7d4033", "#b87a5a")
    stones = tones[rng.integers(len(tones), size=24 * 8)] * rng.uniform(0.8, 1.15, (24 * 8, 1)).astype(
        np.float32
    )
    speckle = fbm(rng, size, (48, 48), 4, 0.7)
    face = shade(stones[number], 0.62 + 0.76 * speckle)
    mortar = shade(np.broadcast_to(linear("#b7ab9a"), face.shape), 0.7 + 0.5 * fbm(rng, size, (64, 64), 3))
    height = 0.008 * body + 0.004 * speckle
    return finished(mix(mortar, face, body), height)


def ashlar(rng: Generator, size: int) -> Texture:
    """Dressed stone, 2 m x 2 m: 6 courses of 3 blocks."""
    uneven = (value_noise(rng, size, (64, 64)) - 0.5) * np.float32(0.03)
    x, y, number = courses(size, rows=6, columns=3, warp=uneven)
    edge = edge_distance(x, y, 2 / 3, 1 / 3)
    body = smoothstep(0.003, 0.014, edge)
    tones = palette("#b9ac93", "#a99c84", "#c4b8a2", "#9e937f")
    blocks = tones[rng.integers(len(tones), size=18)] * rng.uniform(0.85, 1.1, (18, 1)).astype(np.float32)
    rough = fbm(rng, size, (12, 12), 6, 0.65)
    pits = smoothstep(0.72, 0.85, fbm(rng, size, (64, 64), 3, 0.7))
    face = shade(blocks[number], (0.65 + 0.6 * rough) * (1 - 0.35 * pits))
    albedo = mix(linear("#756b5c"), face, body)
    return finished(albedo, (0.012 * body + 0.012 * rough - 0.004 * pits))


def plaster(rng: Generator, size: int) -> Texture:
    """Lime render, 3 m x 3 m, near white for tinting: trowel marks, stains, hairline cracks, grit."""
    broad = fbm(rng, size, (3, 3), 5, 0.55)
    grit = fbm(rng, size, (96, 96), 3, 0.8)
    marks = fbm(rng, size, (10, 28), 4, 0.6)
    runs = fbm(rng, size, (40, 2), 4, 0.6)
    border, _ = pebbles(rng, size, 5, 1.0)
    wander = fbm(rng, size, (24, 24), 3) * np.float32(0.05)
    cracks = smoothstep(0.028, 0.008, border + wander) * smoothstep(0.55, 0.7, fbm(rng, size, (3, 3), 3))
    tone = (0.72 + 0.22 * broad + 0.26 * (grit - 0.5) + 0.20 * (marks - 0.5)) * (1 - 0.5 * cracks)
    stained = mix(linear("#efe9dc"), linear("#b9ab92"), smoothstep(0.52, 0.9, 0.55 * runs + 0.45 * broad))
    height = 0.006 * marks + 0.003 * grit - 0.004 * cracks
    return finished(shade(stained, tone), height)


def worn_plaster(rng: Generator, size: int) -> Texture:
    """Render that has come off in places and shows the bricks, 2 m x 2 m."""
    under, render = bricks(rng, size), plaster(rng, size)
    field = fbm(rng, size, (3, 3), 6, 0.55)
    kept = smoothstep(0.33, 0.36, field)
    rim = smoothstep(0.33, 0.35, field) * smoothstep(0.40, 0.36, field)
    albedo = shade(mix(under.albedo, render.albedo, kept), 1 - 0.3 * rim)
    return finished(albedo, (under.height_m * (1 - kept) + (render.height_m + 0.015) * kept))


def concrete(rng: Generator, size: int) -> Texture:
    """Cast concrete, 2 m x 2 m: stains and pores."""
    broad = fbm(rng, size, (4, 4), 6, 0.6)
    pores = smoothstep(0.70, 0.80, fbm(rng, size, (80, 80), 3, 0.7))
    albedo = mix(linear("#8d8a84"), linear("#b9b5ac"), broad)
    return finished(shade(albedo, 1 - 0.5 * pores), (0.006 * broad - 0.004 * pores))


def setts(rng: Generator, size: int) -> Texture:
    """Small granite paving stones with domed tops, 2.4 m x 2.4 m: 20 rows of 16."""
    uneven = (value_noise(rng, size, (60, 60)) - 0.5) * np.float32(0.30)
    x, y, number = courses(size, rows=20, columns=16, warp=uneven)
    edge = edge_distance(x, y, 0.15, 0.12)
    body = smoothstep(0.004, 0.022, edge)
    tones = palette("#8e8880", "#7d7872", "#9c938a", "#6f6c69", "#a39a8c", "#857a70", "#94826f")
    stones = tones[rng.integers(len(tones), size=320)] * rng.uniform(0.75, 1.2, (320, 1)).astype(np.float32)
    grain = fbm(rng, size, (64, 64), 4, 0.75)
    face = shade(stones[number], 0.6 + 0.8 * grain)
    moss = smoothstep(0.5, 0.75, fbm(rng, size, (5, 5), 4))
    joint = mix(linear("#4a4236"), linear("#4d5a2c"), moss)
    return finished(mix(joint, face, body), (0.022 * body + 0.006 * grain))


def slabs(rng: Generator, size: int) -> Texture:
    """Pavement slabs, 2 m x 2 m: 4 rows of 3, with spots and worn edges."""
    x, y, number = courses(size, rows=4, columns=3)
    edge = edge_distance(x, y, 2 / 3, 0.5)
    body = smoothstep(0.004, 0.012, edge)
    tones = rng.uniform(0.8, 1.1, 12).astype(np.float32)
    grit = fbm(rng, size, (80, 80), 3, 0.8)
    broad = fbm(rng, size, (4, 4), 6, 0.6)
    spots = smoothstep(0.72, 0.76, fbm(rng, size, (20, 20), 2))
    face = mix(linear("#9a968d"), linear("#b8b1a3"), broad)
    face = shade(face, tones[number] * (0.75 + 0.5 * grit) * (1 - 0.35 * spots))
    return finished(
        mix(linear("#5a554c"), face, body),
        (0.008 * body + 0.003 * grit),
    )


def pantiles(rng: Generator, size: int) -> Texture:
    """Clay roof tiles in rounded columns, 2 m x 2 m: 10 courses of 10."""
    x, y, number = courses(
        size, rows=10, columns=10, shift=0.0, warp=(value_noise(rng, size, (40, 40)) - 0.5) * np.float32(0.12)
    )
    dome = np.sqrt(np.clip(1 - (2 * x - 1) ** 2, 0, 1))
    tones = palette("#b5623c", "#a5512f", "#c17a50", "#8f4630", "#b98a5e", "#7c4a36")
    tiles = tones[rng.integers(len(tones), size=100)] * rng.uniform(0.8, 1.15, (100, 1)).astype(np.float32)
    grit = fbm(rng, size, (50, 50), 4, 0.7)
    lichen = smoothstep(0.62, 0.75, fbm(rng, size, (8, 8), 5, 0.6))
    lap = smoothstep(0.0, 0.10, y) * (0.45 + 0.55 * smoothstep(0.0, 0.5, dome))
    face = shade(tiles[number], (0.7 + 0.6 * grit) * lap)
    albedo = mix(face, linear("#8e8a6a") * np.float32(0.8), 0.6 * lichen)
    return finished(albedo, (0.05 * dome + 0.03 * (1 - y)))


def slates(rng: Generator, size: int) -> Texture:
    """Slate roof, 2 m x 2 m: 12 courses of 8 shingles."""
    x, y, number = courses(
        size, rows=12, columns=8, warp=(value_noise(rng, size, (40, 40)) - 0.5) * np.float32(0.08)
    )
    edge = smoothstep(0.0, 0.012, np.minimum(x, 1 - x) * np.float32(0.25)) * smoothstep(0.0, 0.10, y)
    tones = palette("#59606a", "#4b525c", "#666a70", "#524f58", "#6b6a66")
    shingles = tones[rng.integers(len(tones), size=96)] * rng.uniform(0.75, 1.25, (96, 1)).astype(np.float32)
    grain = fbm(rng, size, (60, 20), 4, 0.7)
    return finished(
        shade(shingles[number], (0.65 + 0.7 * grain) * (0.35 + 0.65 * edge)),
        (0.02 * (1 - y) + 0.004 * grain),
    )


def terracotta(rng: Generator, size: int) -> Texture:
    """Fired clay with lime bloom and turning marks, 0.6 m x 0.6 m."""
    rings = fbm(rng, size, (2, 40), 3, 0.6)
    bloom = smoothstep(0.5, 0.8, fbm(rng, size, (5, 5), 5, 0.6))
    _, v = grid(size)
    albedo = mix(linear("#b4683f"), linear("#d8b08c"), 0.7 * bloom)
    return finished(shade(albedo, 0.75 + 0.5 * rings - 0.1 * v), (0.003 * rings))


def asphalt(rng: Generator, size: int) -> Texture:
    """Road surface, 3 m x 3 m: grit, patches and tar-filled cracks."""
    grit = fbm(rng, size, (160, 160), 2, 0.9)
    broad = fbm(rng, size, (3, 3), 5, 0.6)
    border, _ = pebbles(rng, size, 3, 1.0)
    wander = fbm(rng, size, (20, 20), 3) * np.float32(0.08)
    cracks = smoothstep(0.06, 0.03, border + wander) * smoothstep(0.45, 0.6, broad)
    stones = smoothstep(0.75, 0.85, fbm(rng, size, (110, 110), 2, 0.9))
    tone = (0.55 + 0.5 * broad) * (0.6 + 0.8 * grit) * (1 - 0.7 * cracks)
    albedo = shade(mix(linear("#5b5a5a"), linear("#a7a39b"), 0.5 * stones), tone)
    return finished(albedo, (0.004 * grit + 0.004 * stones))


def marble(rng: Generator, size: int) -> Texture:
    """Pale weathered stone for carved things, 1.2 m x 1.2 m."""
    vein = np.abs(fbm(rng, size, (4, 4), 6, 0.6) - 0.5) * 2
    grime = smoothstep(0.5, 0.85, fbm(rng, size, (6, 3), 5, 0.6))
    albedo = mix(linear("#a49c8e"), linear("#d6cfc2"), smoothstep(0.0, 0.25, vein))
    albedo = mix(albedo, linear("#6d6a58"), 0.55 * grime)
    grit = fbm(rng, size, (60, 60), 3, 0.8)
    return finished(shade(albedo, 0.8 + 0.4 * grit), (0.003 * grit))
