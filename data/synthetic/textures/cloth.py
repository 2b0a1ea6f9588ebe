"""Fabrics, near white where they are meant for tinting."""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.random import Generator

from data.synthetic.textures.noise import fbm, grid, smoothstep
from data.synthetic.textures.texture import Texture, canvas, finished, linear, mix, shade


def woven(rng: Generator, size: int) -> Texture:
    """Plain weave, 0.5 m x 0.5 m, for tinting."""
    albedo = shade(canvas(size, linear("#dcd8d2")), _threads(size, 48) * _folds(rng, size))
    return finished(albedo, _relief(rng, size))


def striped(rng: Generator, size: int) -> Texture:
    """Awning canvas, 1 m x 1 m: five broad stripes of tinted and white cloth with piping."""
    u, _ = grid(size)
    wave = np.sin(2 * np.pi * 5 * u)
    stripe = smoothstep(-0.05, 0.05, wave)
    piping = smoothstep(0.9, 0.95, np.abs(np.sin(2 * np.pi * 10 * u)))
    # Tints multiply, so what stays light under any of them has to start above white.
    albedo = mix(linear("#8a8784"), canvas(size, linear("#f7f4ee")), stripe)
    albedo = shade(albedo, (1 - 0.3 * piping) * _threads(size, 64) * _folds(rng, size))
    return finished(albedo, _relief(rng, size))


def plaid(rng: Generator, size: int) -> Texture:
    """Checked tablecloth, 0.4 m x 0.4 m."""
    u, v = grid(size)
    lines = [smoothstep(-0.1, 0.1, np.sin(2 * np.pi * 4 * axis)) for axis in (u, v)]
    fine = [smoothstep(0.93, 0.97, np.sin(2 * np.pi * 8 * axis + 1.0)) for axis in (u, v)]
    red, white = linear("#a02622"), linear("#f3efe6")
    albedo = mix(white, red, (0.5 * (lines[0] + lines[1])).astype(np.float32))
    albedo = mix(albedo, linear("#27324f"), (0.5 * np.maximum(fine[0], fine[1])).astype(np.float32))
    return finished(shade(albedo, _threads(size, 48) * _folds(rng, size)), _relief(rng, size))


def knitted(rng: Generator, size: int) -> Texture:
    """Wool with a broad band pattern, 0.6 m x 0.6 m, for tinting."""
    u, v = grid(size)
    stitches = np.abs(np.sin(2 * np.pi * 40 * (v + 0.012 * np.abs(np.sin(2 * np.pi * 30 * u)))))
    band = smoothstep(0.75, 0.8, np.sin(2 * np.pi * 3 * v))
    zigzag = smoothstep(0.0, 0.1, np.sin(2 * np.pi * (12 * v) + 3 * np.sin(2 * np.pi * 12 * u)))
    tone = (0.55 + 0.45 * stitches) * (1 - 0.55 * band * zigzag) * (0.8 + 0.4 * fbm(rng, size, (32, 32), 3))
    return finished(shade(canvas(size, linear("#d8d4cc")), tone), (0.004 * stitches))


def denim(rng: Generator, size: int) -> Texture:
    """Twill with worn patches, 0.5 m x 0.5 m."""
    u, v = grid(size)
    twill = 0.5 + 0.5 * np.sin(2 * np.pi * 60 * (u + v))
    worn = fbm(rng, size, (4, 4), 5, 0.6)
    albedo = mix(
        linear("#1f2c47"), linear("#6079a0"), (0.35 * twill + 0.75 * worn - 0.1).astype(np.float32).clip(0, 1)
    )
    return finished(shade(albedo, _folds(rng, size)), _relief(rng, size))


def leather(rng: Generator, size: int) -> Texture:
    """Worn leather for tinting, 0.5 m x 0.5 m."""
    worn = fbm(rng, size, (5, 5), 6, 0.6)
    creases = smoothstep(0.10, 0.0, np.abs(fbm(rng, size, (20, 20), 3) - 0.5))
    albedo = mix(linear("#8b8078"), linear("#cfc6bc"), worn)
    return finished(shade(albedo, 1 - 0.5 * creases), (0.003 * worn - 0.003 * creases))


def _threads(size: int, count: int) -> Float32[ndarray, "S S"]:
    u, v = grid(size)
    weave = np.sin(2 * np.pi * count * u) * np.sin(2 * np.pi * count * v)
    return (0.9 + 0.14 * weave).astype(np.float32)


def _folds(rng: Generator, size: int) -> Float32[ndarray, "S S"]:
    return 0.78 + 0.4 * fbm(rng, size, (5, 3), 5, 0.55)


def _relief(rng: Generator, size: int) -> Float32[ndarray, "S S"]:
    return np.float32(0.02) * fbm(rng, size, (4, 2), 3, 0.4)
