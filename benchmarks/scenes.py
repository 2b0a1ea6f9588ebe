"""Screen-space Gaussians with the size and opacity statistics of a trained scene."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from splat_kernels import pack_records
from torch import Tensor


@dataclass(frozen=True)
class ScreenScene:
    """What stands on the screen after projection.

    Args:
        columns: mean x y (pixel centres at integers), conic A B C, covariance xx yy, opacity, r g b, depth.
    """

    columns: Float[np.ndarray, "N 12"]
    width: int
    height: int

    def records(self) -> Float[Tensor, "N 16"]:
        """As the native kernels take it."""
        c = torch.from_numpy(self.columns)
        return pack_records(c[:, 0:2] + 0.5, c[:, 2:5], c[:, 8:11], c[:, 7], c[:, 11])

    def write(self, path: Path) -> None:
        """Three int32 (N, width, height), then the columns row by row: what other programs are handed."""
        header = np.array([len(self.columns), self.width, self.height], np.int32)
        path.write_bytes(header.tobytes() + self.columns.tobytes())


def screen_scene(count: int, width: int, height: int, median_px: float, spread: float) -> ScreenScene:
    """Random Gaussians: log-normal sizes about `median_px`, aspect ratios e^N(0, 0.6), beta opacities."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(-10, [width + 10, height + 10], (count, 2)).astype(np.float32)
    size = np.exp(rng.normal(np.log(median_px), spread, (count, 1)))
    aspect = np.exp(rng.normal(0, 0.6, (count, 1)))
    angle = rng.uniform(0, np.pi, (count, 1))
    xx, xy, yy = _covariance(size * aspect, size / aspect, angle)
    determinant = xx * yy - xy * xy
    conic = np.concatenate([yy / determinant, -xy / determinant, xx / determinant], 1)
    opacity = np.clip(rng.beta(0.7, 1.1, (count, 1)), 0.006, 0.999)
    color = rng.uniform(0, 1, (count, 3))
    depth = rng.uniform(1, 10, (count, 1))
    columns = np.concatenate([mean, conic, xx, yy, opacity, color, depth], 1).astype(np.float32)
    return ScreenScene(columns, width, height)


def _covariance(major: NDArray, minor: NDArray, angle: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Entries xx, xy, yy of rotated ellipses, with the low-pass filter of 0.3 square pixels."""
    c, s = np.cos(angle), np.sin(angle)
    xx = c * c * major**2 + s * s * minor**2 + 0.3
    yy = s * s * major**2 + c * c * minor**2 + 0.3
    return xx, c * s * (major**2 - minor**2), yy


SCENES = {"s_small": (100_000, 960, 540, 1.6, 0.6), "s_mid": (100_000, 960, 540, 2.5, 0.6)}
