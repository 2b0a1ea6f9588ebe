"""Run folders as other programs leave them: renderings beside photographs that depend on a view's name."""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from core.images import write_png
from core.run_folder import RunFolder, ViewSet
from evaluation.image_metrics import Scores
from evaluation.scoring import MethodScores, write_scores

NAMES = ("one & two.jpg", "three.jpg", "four.jpg", "five.jpg")


def photograph(
    name: str, size: tuple[int, int] = (48, 32), place: str = "square"
) -> UInt8[np.ndarray, "H W 3"]:
    """What a view of a place looks like: coloured fields, the same in all sizes."""
    random = np.random.default_rng(zlib.crc32(f"{place}/{name.partition('.')[0]}".encode()))
    fields = random.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    width, height = size
    return fields.repeat(height // 4, axis=0).repeat(width // 6, axis=1)


def write_run(
    path: Path,
    names: Sequence[str] = NAMES,
    noise: float | Mapping[str, float] = 10.0,
    *,
    size: tuple[int, int] = (48, 32),
    iteration: int = 30,
    views: ViewSet = "test",
    place: str = "square",
    named: bool = True,
) -> RunFolder:
    """Renderings with noise on them, and cameras.json with names if they are `named`."""
    folder = RunFolder(path)
    random = np.random.default_rng(3)
    for number, name in enumerate(names):
        truth = photograph(name, size, place)
        strength = noise if isinstance(noise, int | float) else noise[name]
        render = (truth + random.normal(0, strength, truth.shape)).round().clip(0, 255).astype(np.uint8)
        write_png(folder.images(views, iteration, "gt") / f"{number:05d}.png", truth)
        write_png(folder.images(views, iteration, "renders") / f"{number:05d}.png", render)
    if named:
        entries = [{"img_name": name} for name in (*names, "trained.jpg")]
        folder.cameras.write_text(json.dumps(entries), encoding="utf-8")
    return folder


def store_scores(folder: RunFolder, count: int, *, static: float | None = None, iteration: int = 30) -> None:
    """Scores that no picture would get: PSNR 40, 41, ..."""
    legacy = None if static is None else 1.0
    views = {
        f"{number:05d}.png": Scores(40.0 + number, 0.9, 0.1, static, legacy, legacy)
        for number in range(count)
    }
    write_scores(folder, [MethodScores(iteration, views)])
