"""A few frames in PointOdyssey's layout: a square glides before a wall, and the camera glides too."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from core.images import write_png

WIDTH, HEIGHT = 48, 32
K = np.array([[40.0, 0, 24], [0, 40.0, 16], [0, 0, 1]])
WALL_M, SQUARE_M = 6.0, 3.0
FRAMES = 5


def centre_of_square(frame: int) -> Float64[ndarray, "3"]:
    return np.array([-0.4 + 0.2 * frame, 0.1, SQUARE_M])


def viewmat(frame: int) -> Float64[ndarray, "4 4"]:
    matrix = np.eye(4)
    matrix[0, 3] = -0.05 * frame
    return matrix


def on_square(frame: int) -> Bool[ndarray, "H W"]:
    """Pixels whose centres see the square, half a metre to each side of its centre."""
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    centre = centre_of_square(frame) + viewmat(frame)[:3, 3]
    x = (columns - K[0, 2]) / K[0, 0] * SQUARE_M - centre[0]
    y = (rows - K[1, 2]) / K[1, 1] * SQUARE_M - centre[1]
    return (abs(x) < 0.5) & (abs(y) < 0.5)


def depths(frame: int) -> Float64[ndarray, "H W"]:
    """z-depth; the upper right corner is sky."""
    values = np.where(on_square(frame), SQUARE_M, WALL_M)
    values[:6, -10:] = 1000.0
    return values


def annotations() -> dict[str, ndarray]:
    """Tracks on the wall and the square, hidden ones that move behind the wall, one that is not valid."""
    grid = np.stack(np.meshgrid(np.linspace(-4, 4, 33), np.linspace(-3, 3, 25)), -1).reshape(-1, 2)
    wall = np.concatenate([grid, np.full((len(grid), 1), WALL_M)], axis=1)
    offsets = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 21), np.linspace(-0.5, 0.5, 21)), -1).reshape(-1, 2)
    offsets = np.concatenate([offsets, np.zeros((len(offsets), 1))], axis=1)
    hidden = wall[::3] + np.array([0, 0, 0.01])
    jitter = np.random.default_rng(3).uniform(-1e-5, 1e-5, (FRAMES, len(wall), 3))
    tracks = np.stack(
        [
            np.concatenate(
                [
                    wall + jitter[frame],
                    centre_of_square(frame) + offsets,
                    hidden + np.array([0, 0.3 * frame, 0]),
                    [[0, 0, 6]],
                ]
            )
            for frame in range(FRAMES)
        ]
    )
    valids, visibs = np.ones(tracks.shape[:2], bool), np.ones(tracks.shape[:2], bool)
    visibs[:, len(wall) + len(offsets) : -1] = False
    valids[:, -1] = False
    tracks[:, -1] = np.nan
    return {
        "trajs_2d": tracks[..., :2].astype(np.float32),
        "trajs_3d": tracks.astype(np.float32),
        "valids": valids,
        "visibs": visibs,
        "intrinsics": np.tile(K, (FRAMES, 1, 1)).astype(np.float32),
        "extrinsics": np.stack([viewmat(frame) for frame in range(FRAMES)]).astype(np.float32),
    }


def write_sequence(folder: Path, arrays: dict[str, ndarray] | None = None) -> Path:
    """A sequence as it is downloaded: images, depths and `anno.npz`."""
    for name in ("rgbs", "depths"):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng(7)
    for frame in range(FRAMES):
        image = (
            random.integers(0, 255, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
        )
        cv2.imwrite(str(folder / "rgbs" / f"rgb_{frame:05d}.jpg"), image)
        units = np.round(depths(frame) / 1000 * 65535).astype(np.uint16)
        write_png(folder / "depths" / f"depth_{frame:05d}.png", units)
    np.savez(folder / "anno.npz", **(annotations() if arrays is None else arrays))
    return folder
