"""Files as DynamicCity's `infer_vae.py` writes them, so that its training can go on from ours."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16, UInt8
from torch import Tensor

from core.files import atomic_write, make_folder
from generation.latents import Split
from scene.occupancy.layouts import layout
from scene.occupancy.scenes import OccupancyScene
from scene.occupancy.sequence import Occupancy

_FOLDERS = {"train": "Train", "test": "Test"}


class LegacyDumps:
    """Writes one file a window.

    Args:
        folder: of all dumps.
        data: name of the data set.
        vae: name of the autoencoder.
        frames: of a window.
        rollouts: whether rollouts are written: rollout/DATA/VAE/SPLIT/SCENE/FRAME.npz, key `rollout`.
        layouts: columns along the edge of a layout's square: layout/DATA/FRAMES/SPLIT/SCENE/FRAME.npz, key
            `layout`; 0 = none.
    """

    def __init__(
        self, folder: Path, data: str, vae: str, frames: int, *, rollouts: bool, layouts: int
    ) -> None:
        self.folder = folder
        self.data = data
        self.vae = vae
        self.frames = frames
        self.rollouts = rollouts
        self.layouts = layouts

    def are_there(self, split: Split, scene: OccupancyScene, first: int) -> bool:
        """Whether a window's files are there already."""
        return all(path.exists() for path in self._paths(split, scene, first).values())

    def write(
        self,
        split: Split,
        scene: OccupancyScene,
        first: int,
        window: Occupancy,
        rollout: Float16[Tensor, "C H W"],
    ) -> None:
        """Write a window's files.

        Raises:
            UserError: they cannot be written.
        """
        paths = self._paths(split, scene, first)
        if "layout" in paths:
            squares = layout(window.classes, window.class_set, self.layouts)
            _write_npz(paths["layout"], "layout", squares.numpy())
        if "rollout" in paths:
            _write_npz(paths["rollout"], "rollout", rollout[None].numpy())

    def write_voxels(
        self, split: Split, number: int, original: UInt8[Tensor, "T X Y Z"], rebuilt: UInt8[Tensor, "T X Y Z"]
    ) -> None:
        """Write voxel/VAE/SPLIT-NUMBER/FRAME_orig.npy and FRAME_pred.npy.

        Raises:
            UserError: they cannot be written.
        """
        folder = make_folder(self.folder / "voxel" / self.vae / f"{_FOLDERS[split]}-{number}")
        for name, voxels in (("orig", original), ("pred", rebuilt)):
            for frame, classes in enumerate(voxels):
                with atomic_write(folder / f"{frame}_{name}.npy") as temporary, temporary.open("wb") as file:
                    np.save(file, classes.numpy())

    def _paths(self, split: Split, scene: OccupancyScene, first: int) -> dict[str, Path]:
        """A window's files, by the names of what they hold."""
        end = Path(_FOLDERS[split], scene.name, f"{scene.frame_names[first]}.npz")
        paths: dict[str, Path] = {}
        if self.rollouts:
            paths["rollout"] = self.folder / "rollout" / self.data / self.vae / end
        if self.layouts:
            paths["layout"] = self.folder / "layout" / self.data / str(self.frames) / end
        return paths


def _write_npz(path: Path, key: str, array: np.ndarray) -> None:
    arrays: dict[str, Any] = {key: array}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
