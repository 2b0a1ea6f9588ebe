"""A made-up scene for tests of formats, and what a camera sees of it."""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core.ply import SplatArrays
from gaussian_renderer import render
from scene.cameras import Cameras
from scene.splats import Splats
from tests.training.captures import ring
from viewer.formats.gaussians import GaussianScene


def scene(count: int = 700, degree: int = 3, seed: int = 0) -> GaussianScene:
    """A ball of Gaussians of all shapes, colours and opacities around the origin, seen by four cameras."""
    random = np.random.default_rng(seed)
    sh = random.normal(0, 0.1, (count, (degree + 1) ** 2, 3))
    sh[:, 0] = random.uniform(-1.5, 1.5, (count, 3))
    tables = (
        random.normal(0, 0.5, (count, 3)), random.normal(size=(count, 4)), random.normal(-3, 0.7, (count, 3)),
        random.normal(0.5, 1.5, count), sh,
    )  # fmt: skip
    splats = SplatArrays(*(table.astype(np.float32) for table in tables))
    return GaussianScene(splats, title="ball", cameras=ring(4), names=("a.png", "b.png", "c.png", "d.png"))


def as_splats(arrays: SplatArrays) -> Splats:
    return Splats(*(torch.from_numpy(np.array(table)) for table in arrays), raw=True)


def drawn(
    arrays: SplatArrays, cameras: Cameras | None = None, *, antialiased: bool = False, white: bool = False
) -> Float[Tensor, "C H W 3"]:
    cameras, background = ring(4) if cameras is None else cameras, torch.ones(3) if white else None
    with torch.no_grad():
        output = render(as_splats(arrays), cameras, antialiased=antialiased, background=background)
    return output.images.clamp(0, 1)


def psnr(left: Tensor, right: Tensor) -> float:
    return float(-10 * (left - right).square().mean().log10())


def angles(left: Float[ndarray, "N 4"], right: Float[ndarray, "N 4"]) -> Float[ndarray, " N"]:
    """Of the rotations between quaternions of any length, radians."""
    left, right = (each.astype(np.float64) / np.linalg.norm(each, axis=1)[:, None] for each in (left, right))
    # By the distance, whose accuracy near zero is not lost as in a cosine.
    apart = np.minimum(np.linalg.norm(left - right, axis=1), np.linalg.norm(left + right, axis=1))
    return 4 * np.arcsin(np.clip(apart / 2, 0, 1))
