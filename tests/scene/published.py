"""A prediction as DAS3R leaves it, written from its description and without any of our writers."""

from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from scipy.spatial.transform import Rotation

WIDTH, HEIGHT, COUNT = 32, 16, 12


def poses() -> ndarray:
    """Camera-to-world."""
    c2w = np.tile(np.eye(4), (COUNT, 1, 1))
    c2w[:, :3, :3] = Rotation.from_rotvec([[0.1 * row, 0.2, -0.05 * row] for row in range(COUNT)]).as_matrix()
    c2w[:, :3, 3] = [[0.3 * row, -0.1 * row, 0.02 * row**2] for row in range(COUNT)]
    return c2w


def depth(row: int) -> ndarray:
    return (2 + 0.1 * row + np.random.default_rng(row).random((HEIGHT, WIDTH))).astype(np.float32)


def probability(row: int) -> ndarray:
    return np.random.default_rng(100 + row).random((HEIGHT, WIDTH)).astype(np.float32)


def write_published(folder: Path, *, rearranged: bool) -> Path:
    """The files of a sequence of `COUNT` frames; some confidences are minus infinity."""
    folder.mkdir(parents=True)
    places = ("images", "dynamic_masks", "depth_maps", "confidence_maps", "dyna_avg", "dyna_max")
    for place in places if rearranged else ():
        (folder / place).mkdir()

    def place(name: str, stem: str, row: int, suffix: str, padded: bool = False) -> Path:
        number = f"{row:04d}" if rearranged or padded else f"{row}"
        return folder / (name if rearranged else ".") / f"{stem}_{number}{suffix}"

    for row in range(COUNT):
        image = np.random.default_rng(200 + row).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(place("images", "frame", row, ".png", padded=True)), image)
        mask = (probability(row) > 0.5) * np.uint8(255)
        cv2.imwrite(str(place("dynamic_masks", "dynamic_mask", row, ".png")), mask)
        if not rearranged:
            cv2.imwrite(str(folder / f"enlarged_dynamic_mask_{row}.png"), mask)
            np.save(folder / f"init_conf_{row}.npy", np.zeros((HEIGHT, WIDTH), np.float32))
        confidence = np.full((HEIGHT, WIDTH), 1.5, np.float32)
        confidence[:4] = -np.inf
        np.save(place("depth_maps", "frame", row, ".npy", padded=True), depth(row))
        np.save(place("confidence_maps", "conf", row, ".npy"), confidence)
        np.save(place("dyna_avg", "dyna_avg", row, ".npy"), probability(row))
        np.save(place("dyna_max", "dyna_max", row, ".npy"), probability(row))
    lines, intrinsics = [], []
    for row, c2w in enumerate(poses()):
        x, y, z, w = Rotation.from_matrix(c2w[:3, :3]).as_quat().tolist()
        lines.append(" ".join(map(str, (float(row), *c2w[:3, 3].tolist(), w, x, y, z))))
        intrinsics.append(
            " ".join(f"{value:.6f}" for value in (40, 0, WIDTH / 2, 0, 40, HEIGHT / 2, 0, 0, 1))
        )
    (folder / "pred_traj.txt").write_text("\n".join(lines) + "\n")
    (folder / "pred_intrinsics.txt").write_text("\n".join(intrinsics) + "\n")
    if rearranged:
        (folder / "sparse" / "0").mkdir(parents=True)
        cameras = [
            f"{row + 1} PINHOLE {WIDTH} {HEIGHT} 40 40 {WIDTH / 2} {HEIGHT / 2}" for row in range(COUNT)
        ]
        (folder / "sparse" / "0" / "cameras.txt").write_text("\n".join(cameras) + "\n")
        images = [
            f"{row + 1} 1 0 0 0 0 0 0 {row + 1} /somewhere/else/frame_{row:04d}.png\n" for row in range(COUNT)
        ]
        (folder / "sparse" / "0" / "images.txt").write_text("\n".join(images) + "\n")
    return folder
