"""Textures made for one face, stretched over it: signs, posters, books, a clock, windows, doors, a ball."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.random import Generator

from data.synthetic.textures.noise import courses, edge_distance, fbm, grid, smoothstep
from data.synthetic.textures.texture import (
    Painter,
    Texture,
    canvas,
    finished,
    flat,
    lettering,
    linear,
    mix,
    palette,
    shade,
)
from data.synthetic.textures.wood import oak


def sign(text: str, ground: str, ink: str, aspect: float) -> Painter:
    """A painter of a framed board with a word on it.

    Args:
        text: capital letters.
        ground: colour of the board.
        ink: colour of letters and frame.
        aspect: the face's width over its height.
    """

    def paint(rng: Generator, size: int) -> Texture:
        u, v = grid(size)
        albedo = shade(canvas(size, linear(ground)), 0.75 + 0.4 * fbm(rng, size, (8, 4), 5, 0.6))
        edge = np.minimum(np.minimum(u, 1 - u) * np.float32(aspect), np.minimum(v, 1 - v))
        frame = smoothstep(0.03, 0.05, edge) * smoothstep(0.11, 0.09, edge)
        albedo = mix(albedo, linear(ink), frame * np.float32(0.9)).astype(np.float32)
        lettering(albedo, text, (0.5, 0.5), 0.62, linear(ink), aspect)
        worn = smoothstep(0.70, 0.78, fbm(rng, size, (24, 12), 4, 0.8))
        return finished(mix(albedo, linear("#6f6455"), 0.3 * worn), (0.004 * frame))

    return paint


def poster(rng: Generator, size: int) -> Texture:
    """A printed bill: a picture of hills and a sun, a title, lines of text."""
    u, v = grid(size)
    colors = palette("#d9572b", "#f0b541", "#2b5d73", "#e9dcc0", "#7b2f3f", "#3f7d5a")[rng.permutation(6)]
    albedo = mix(colors[0], colors[1], v)
    albedo = mix(
        albedo, colors[3], smoothstep(0.16, 0.15, np.hypot(u - rng.uniform(0.3, 0.7), (v - 0.32) * 1.4))
    )
    for level, color in ((0.42, colors[2]), (0.55, colors[4])):
        ridge = level + 0.10 * np.sin(2 * np.pi * (u * rng.uniform(0.7, 1.6) + rng.random())).astype(
            np.float32
        )
        albedo = mix(albedo, color, smoothstep(0.0, 0.006, v - ridge))
    albedo = mix(albedo, colors[3] * np.float32(0.9), smoothstep(0.70, 0.705, v)).astype(np.float32)
    lettering(
        albedo, "CONCERT" if rng.random() < 0.5 else "CIRCUS", (0.5, 0.12), 0.11, linear("#f6efdf"), 0.7
    )
    ink = linear("#2a2320")
    for line in np.arange(0.75, 0.96, 0.045):
        lettering(albedo, "".join(rng.choice(list("AEIORSTNLM"), 9)), (0.5, float(line)), 0.026, ink, 0.7)
    faded = 0.75 + 0.4 * fbm(rng, size, (6, 6), 5, 0.6)
    return finished(shade(albedo, faded), flat(size))


def books(rng: Generator, size: int) -> Texture:
    """One shelf of book spines, stretched over about 1 m x 0.3 m."""
    albedo = canvas(size, linear("#1d1712"))
    relief = flat(size)
    tones = palette(
        "#7b2d26",
        "#274b63",
        "#c9a24a",
        "#35543a",
        "#d8cdb4",
        "#4a3553",
        "#a85b2e",
        "#20242b",
        "#8a8f94",
        "#b43f4a",
    )
    left = 0
    while left < size - 4:
        width = int(rng.integers(max(2, size // 48), max(3, size // 20)))
        top = round(size * rng.uniform(0.02, 0.30))
        right = min(left + width, size)
        _spine(rng, albedo[top:, left:right], tones)
        relief[top:, left:right] = 0.012 * np.sin(np.pi * (np.arange(right - left) + 0.5) / (right - left))
        left += width + int(rng.random() < 0.15) * (size // 64)
    return finished(shade(albedo, 0.75 + 0.5 * fbm(rng, size, (16, 16), 4, 0.7)), relief)


def book_cover(rng: Generator, size: int) -> Texture:
    """The front of a bound book, for tinting."""
    u, v = grid(size)
    albedo = shade(canvas(size, linear("#c9c4bc")), 0.7 + 0.5 * fbm(rng, size, (10, 10), 5, 0.6))
    edge = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v))
    gilt = smoothstep(0.06, 0.07, edge) * smoothstep(0.10, 0.09, edge)
    albedo = mix(albedo, linear("#cfa95a"), gilt).astype(np.float32)
    lettering(albedo, "".join(rng.choice(list("AEIORSTNLM"), 6)), (0.5, 0.35), 0.10, linear("#d9bb74"), 0.75)
    return finished(albedo, (0.001 * gilt))


def clock(rng: Generator, size: int) -> Texture:
    """A clock's face at ten past ten."""
    u, v = grid(size)
    x, y = 2 * u - 1, 2 * v - 1
    radius, angle = np.hypot(x, y), np.arctan2(x, -y)
    albedo = shade(canvas(size, linear("#efe6cf")), 0.85 + 0.25 * fbm(rng, size, (8, 8), 4))
    hours = smoothstep(0.06, 0.04, np.abs(np.sin(6 * angle)) * radius / 2) * smoothstep(0.72, 0.74, radius)
    dark = hours * smoothstep(0.90, 0.88, radius) + smoothstep(0.93, 0.95, radius)
    for turn, length, width in ((-60.0, 0.5, 0.055), (60.0, 0.75, 0.035)):
        direction = np.radians(turn)
        along = x * np.sin(direction) - y * np.cos(direction)
        across = np.abs(x * np.cos(direction) + y * np.sin(direction))
        dark = dark + smoothstep(width, width * 0.6, across) * smoothstep(-0.1, -0.08, along) * smoothstep(
            length, length - 0.03, along
        )
    return finished(mix(albedo, linear("#2a241d"), np.clip(dark, 0, 1)), flat(size))


def curtained(rng: Generator, size: int) -> Texture:
    """A window pane with a dim room and drawn-back curtains behind it."""
    u, v = grid(size)
    room = mix(linear("#1a1d22"), linear("#4a4238"), fbm(rng, size, (3, 3), 4))
    opening = 0.30 - 0.12 * v + 0.02 * np.sin(2 * np.pi * 2 * v)
    side = np.minimum(u, 1 - u)
    folds = 0.65 + 0.35 * np.sin(2 * np.pi * side * 14)
    cloth = shade(
        canvas(size, linear("#d9d0bd")), folds.astype(np.float32) * (0.75 + 0.4 * fbm(rng, size, (12, 4), 4))
    )
    return finished(mix(room, cloth, smoothstep(0.01, -0.01, side - opening)), flat(size))


def panelled_door(rng: Generator, size: int) -> Texture:
    """A front door for tinting, of about 1 m x 2.2 m: six sunk panels, a letter box and a knob."""
    u, v = grid(size)
    wood = oak(rng, size)
    grey = 0.55 + 0.6 * wood.albedo.mean(2, keepdims=True) / wood.albedo.mean()
    x, y = (u - 0.08) / 0.84, (v - 0.04) / 0.92
    inside = (x > 0) & (x < 1) & (y > 0) & (y < 1)
    px, py = np.mod(x * 2, 1), np.mod(y * 3, 1)
    edge = np.where(
        inside, edge_distance(px.astype(np.float32), py.astype(np.float32), 0.42, 0.67), 0
    ).astype(np.float32)
    groove = smoothstep(0.05, 0.06, edge) * smoothstep(0.085, 0.075, edge)
    albedo = shade((linear("#cfcac2") * grey * 0.55).astype(np.float32), 1 - 0.6 * groove)
    brass = smoothstep(0.035, 0.03, np.hypot(u - 0.90, (v - 0.52) * 2.2)) + smoothstep(
        0.012, 0.008, np.abs(v - 0.60)
    ) * (np.abs(u - 0.5) < 0.14)
    albedo = mix(albedo, linear("#c79a3f"), np.clip(brass, 0, 1).astype(np.float32))
    return finished(albedo, (0.012 * smoothstep(0.08, 0.05, edge)))


def shutter(rng: Generator, size: int) -> Texture:
    """Louvred shutter for tinting: a frame with slats, stretched over about 0.5 m x 1.4 m."""
    u, v = grid(size)
    frame = 1 - smoothstep(0.10, 0.13, np.minimum(u, 1 - u)) * smoothstep(0.04, 0.05, np.minimum(v, 1 - v))
    slat = np.mod(v * 22, 1)
    tone = frame + (1 - frame) * (0.35 + 0.75 * slat)
    worn = 0.7 + 0.5 * fbm(rng, size, (8, 16), 5, 0.65)
    albedo = shade(canvas(size, linear("#d2d0ca")), (tone * worn).astype(np.float32))
    return finished(albedo, (0.02 * (frame + (1 - frame) * slat)))


def ball(rng: Generator, size: int) -> Texture:
    """A beach ball by longitude (u) and latitude (v): six coloured sectors with seams and a printed band."""
    u, v = grid(size)
    tones = palette("#d8322e", "#f2efe8", "#2a62b8", "#f2c230", "#f2efe8", "#2f9450")
    albedo = tones[np.floor(u * 6).astype(int) % 6]
    seam = smoothstep(0.06, 0.02, np.abs(np.mod(u * 6 + 0.5, 1) - 0.5)) + smoothstep(
        0.06, 0.05, np.minimum(v, 1 - v)
    )
    band = smoothstep(0.06, 0.05, np.abs(v - 0.5)) * smoothstep(-0.1, 0.1, np.sin(2 * np.pi * 18 * u))
    albedo = shade(albedo.astype(np.float32), 1 - 0.5 * np.clip(seam, 0, 1))
    albedo = mix(albedo, linear("#23262e"), band.astype(np.float32))
    return finished(shade(albedo, 0.85 + 0.3 * fbm(rng, size, (24, 12), 3)), flat(size))


def face(rng: Generator, size: int) -> Texture:
    """A head by longitude (u = 0.5 is the nose) and latitude: hair, eyes, brows, mouth."""
    u, v = grid(size)
    strands = fbm(rng, size, (80, 3), 3, 0.7)
    x = np.abs(u - 0.5)
    hairline = 0.36 + 0.9 * np.clip(x - 0.13, 0, 0.2)
    hair = smoothstep(0.01, -0.01, v - hairline)
    albedo = shade(canvas(size, linear("#d29c80")), 0.9 + 0.2 * fbm(rng, size, (10, 10), 4))
    for center, radius, color in (
        ((0.06, 0.47), 0.020, "#f3efe8"),
        ((0.06, 0.47), 0.010, "#2b2019"),
        ((0.0, 0.65), 0.024, "#9c4a42"),
    ):
        spot = np.hypot(x - center[0], (v - center[1]) * 0.9)
        albedo = mix(albedo, linear(color), smoothstep(radius, radius * 0.7, spot))
    brow = smoothstep(0.012, 0.006, np.abs(v - 0.42)) * smoothstep(0.035, 0.028, np.abs(x - 0.06))
    dark = shade(canvas(size, linear("#4a3020")), 0.5 + 1.0 * strands)
    return finished(
        mix(albedo, dark, np.maximum(hair, brow)),
        (0.004 * hair * strands),
    )


def stained_crate(rng: Generator, size: int) -> Texture:
    """One side of a wooden crate: a frame of battens, four slats and a stencilled word."""
    _, v = grid(size)
    x, y, number = courses(size, rows=4, columns=1, shift=0.0)
    wood = oak(rng, size)
    slats = (
        smoothstep(0.006, 0.014, edge_distance(x, y, 0.6, 0.12))
        * rng.uniform(0.75, 1.1, 4).astype(np.float32)[number]
    )
    albedo = shade(wood.albedo * 1.15, slats)
    lettering(
        albedo,
        str(rng.choice(["ORANGES", "APPLES", "WINE", "TEA", "FRAGILE"])),
        (0.5, 0.5),
        0.16,
        linear("#2a2622"),
        1.2,
    )
    frame = np.minimum(np.minimum(x, 1 - x), np.minimum(v, 1 - v)) < 0.09
    battens = shade(np.rot90(wood.albedo).copy(), 0.9 + 0.2 * fbm(rng, size, (8, 8), 4))
    albedo = np.where(frame[..., None], battens, albedo).astype(np.float32)
    inner = smoothstep(0.0, 0.03, np.minimum(np.minimum(x, 1 - x), np.minimum(v, 1 - v)) - 0.09)
    return finished(
        shade(albedo, np.where(frame, 1.0, 0.55 + 0.45 * inner)),
        (0.02 * frame),
    )


def _spine(rng: Generator, area: Float32[ndarray, "h w 3"], tones: Float32[ndarray, "K 3"]) -> None:
    """Paint one book's spine in place: cloth, bands and a label."""
    rows, columns = area.shape[:2]
    across = 0.6 + 0.5 * np.sin(np.pi * (np.arange(columns) + 0.5) / columns)
    area[:] = tones[rng.integers(len(tones))] * rng.uniform(0.7, 1.2) * across[None, :, None]
    gilt = linear("#d3b161") if rng.random() < 0.6 else linear("#ece4d2")
    for level in _levels(rng):
        start = round(level * rows)
        area[start : start + max(1, rows // 60)] = gilt * across[:, None]
    top, bottom = round(rows * 0.22), round(rows * rng.uniform(0.4, 0.6))
    for row in range(top, bottom, max(2, rows // 40)):
        area[row, columns // 4 : max(columns // 4 + 1, columns - columns // 4)] = gilt


def _levels(rng: Generator) -> Sequence[float]:
    return (0.06, 0.12, 0.88) if rng.random() < 0.5 else (0.15, 0.7, 0.76)
