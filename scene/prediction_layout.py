"""Where a folder of a prediction keeps what, in the three layouts there are.

- ours: the second one below, with `prediction.json`, true TUM and COLMAP exports and frames at full size;
- DAS3R's rearranged folders: a sub-folder for each kind of file, indices of four digits;
- DAS3R's results of its first stage: all files in one folder, some indices without leading zeros.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.images import IMAGE_SUFFIXES
from scene.frame_folders import is_image, natural_sort
from scene.stored_frames import IMAGES

PREDICTION_FILE = "prediction.json"
TRAJECTORY, TUM_TRAJECTORY = "pred_traj.txt", "trajectory_tum.txt"
INTRINSICS, FOCALS = "pred_intrinsics.txt", "pred_focal.txt"
MASKS, PROBABILITIES, DEPTHS, CONFIDENCES = "dynamic_masks", "dyna_avg", "depth_maps", "confidence_maps"
MODEL = "sparse/0"

_RAW_FRAME = re.compile(r"frame_\d+\.png")


@dataclass(frozen=True)
class PredictionLayout:
    """The files of a prediction of N frames.

    Args:
        folder: that holds them.
        raw: whether all lie in the folder itself, as the first stage of DAS3R leaves them.
    """

    folder: Path
    raw: bool = False

    @property
    def description(self) -> Path:
        """What is known beside the numbers; ours only."""
        return self.folder / PREDICTION_FILE

    @property
    def frames_folder(self) -> Path:
        """The folder of the images."""
        return self.folder if self.raw else self.folder / IMAGES

    def frames(self) -> list[Path]:
        """The images, in the order of time.

        Raises:
            UserError: there are none.
        """
        folder = self.frames_folder
        files = [file for file in folder.iterdir() if is_image(file)] if folder.is_dir() else []
        chosen = natural_sort(file for file in files if not self.raw or _RAW_FRAME.fullmatch(file.name))
        if not chosen:
            raise UserError(f"{folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}) of a prediction")
        return chosen

    def mask(self, index: int) -> Path:
        """White where something moves."""
        if self.raw:
            return self.folder / f"dynamic_mask_{index}.png"
        return self.folder / MASKS / f"dynamic_mask_{index:04d}.png"

    def probability(self, index: int) -> Path:
        """How likely it is that something moves, in [0, 1]."""
        return self.folder / (
            f"dyna_avg_{index}.npy" if self.raw else f"{PROBABILITIES}/dyna_avg_{index:04d}.npy"
        )

    def depth(self, index: int) -> Path:
        """z-depth in world units; 0 = none."""
        return self.folder / ("" if self.raw else DEPTHS) / f"frame_{index:04d}.npy"

    def confidence(self, index: int) -> Path:
        """Natural logarithm of the weight of each depth; -inf where there is none."""
        return self.folder / (f"conf_{index}.npy" if self.raw else f"{CONFIDENCES}/conf_{index:04d}.npy")


def find_layout(folder: Path) -> PredictionLayout | None:
    """The layout of a folder; None if it holds no prediction."""
    if (folder / PREDICTION_FILE).is_file():
        return PredictionLayout(folder)
    if not (folder / TRAJECTORY).is_file() or not (folder / INTRINSICS).is_file():
        return None
    for layout in (PredictionLayout(folder), PredictionLayout(folder, raw=True)):
        if layout.depth(0).is_file():
            return layout
    return None
