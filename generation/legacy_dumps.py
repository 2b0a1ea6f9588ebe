"""Files as DynamicCity's `infer_vae.py` writes them, so that its training can go on from ours."""

from pathlib import Path

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
        rollouts: whether rollouts are written: rollout/DATA/VAE/SPLIT/SCENE/FRAME.npz, key `rollout`.
        layouts: columns along the edge of a layout's square: layout/DATA/FRAMES/SPLIT/SCENE/FRAME.npz, key
            `layout`; 0 = none.
    """

    def __init__(self, folder: Path, data: str, vae: str, *, rollouts: bool, layouts: int) -> None:
        self.folder = folder
        self.data = data
        self.vae = vae
        self.rollouts = rollouts
        self.layouts = layouts

    def are_there(self, split: Split, scene: OccupancyScene, first: int) -> bool:
        """Whether a window's files are there already."""
        return not self.rollouts or self._rollout_path(split, scene, first).exists()

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
        if self.layouts:
            squares = layout(window.classes, window.class_set, self.layouts)
            name = self._name(scene, first)
            path = self.folder / "layout" / self.data / str(len(window)) / _FOLDERS[split] / scene.name / name
            _write_npz(path, "layout", squares.numpy())
        if self.rollouts:  # last: that it is there says that all is
            _write_npz(self._rollout_path(split, scene, first), "rollout", rollout[None].numpy())

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

    def _rollout_path(self, split: Split, scene: OccupancyScene, first: int) -> Path:
        name = self._name(scene, first)
        return self.folder / "rollout" / self.data / self.vae / _FOLDERS[split] / scene.name / name

    @staticmethod
    def _name(scene: OccupancyScene, first: int) -> str:
        return f"{scene.frame_names[first]}.npz"


def _write_npz(path: Path, key: str, array: np.ndarray) -> None:
    make_folder(path.parent)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{key: array})
