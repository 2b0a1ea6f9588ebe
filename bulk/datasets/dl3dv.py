"""DL3DV-10K: subsets `1K` to `11K` of scenes named by 64 hexadecimal digits, and its benchmark of 140 scenes.

    ROOT/1K/HASH/{images_4, transforms.json, sparse or colmap/sparse}      what is published for training
    ROOT/HASH/{nerfstudio, gaussian_splat/{images_4, sparse/0}}            the benchmark

Published archives hold HASH/..., so unpacking one into a folder HASH makes HASH/HASH; that is read too.

Source: L. Ling et al., "DL3DV-10K: A Large-Scale Scene Dataset for Deep Learning-based 3D Vision", CVPR 2024;
    https://github.com/DL3DV-10K/Dataset.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from bulk.datasets.preset import Preset, folders_in, subset_folders
from bulk.jobs import SceneSource
from core.errors import UserError

IMAGES = "images_4"
BENCHMARK_FOLDER = "gaussian_splat"
"""Of a scene of the benchmark: undistorted images with a COLMAP model, and no transforms.json."""

_SUBSET = re.compile(r"\d{1,2}K")
_DEFAULT_SUBSET = "1K"


def find(root: Path, subsets: Sequence[str], images: str | None = None) -> list[SceneSource]:
    """Scenes of the subsets; where none is named, of 1K, or of the root itself where that has no subsets.

    Raises:
        UserError: a subset does not exist, or none was named and 1K is not among those that are there.
    """
    if subsets:
        folders = subset_folders(root, subsets)
    elif (root / _DEFAULT_SUBSET).is_dir():
        folders = [root / _DEFAULT_SUBSET]
    else:
        others = [folder.name for folder in folders_in(root) if _SUBSET.fullmatch(folder.name)]
        if others:
            raise UserError(
                f"{root} has no subset 1K; name one that it has with --subset: {', '.join(others)}"
            )
        folders = [root]
    return [
        SceneSource(
            scene.name, "" if folder == root else folder.name, _capture(scene), _images(images), "dl3dv"
        )
        for folder in folders
        for scene in folders_in(folder)
    ]


def _images(images: str | None) -> str:
    return images or IMAGES


def _capture(scene: Path) -> Path:
    """The folder of the capture inside a scene's folder."""
    for inside in (scene / scene.name, scene / BENCHMARK_FOLDER):
        if inside.is_dir():
            return inside
    return scene


PRESET = Preset(
    "dl3dv",
    find,
    IMAGES,
    "DL3DV-10K: for research and other non-commercial use, by the terms at "
    "https://github.com/DL3DV-10K/Dataset/blob/main/License.md; what is made of it falls under them.",
    (_DEFAULT_SUBSET,),
    needs_transforms=True,
)
