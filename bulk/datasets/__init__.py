"""Data sets by preset: which scenes a folder holds. Nothing is opened, so thousands are listed in seconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bulk.datasets import colmap, dl3dv, mipnerf360, video
from bulk.datasets.preset import Preset, listed
from bulk.jobs import DatasetName, SceneSource
from core.errors import UserError

__all__ = ["PRESETS", "Preset", "discover"]

PRESETS: Mapping[DatasetName, Preset] = {
    preset.name: preset for preset in (dl3dv.PRESET, mipnerf360.PRESET, colmap.PRESET, video.PRESET)
}

_EXPECTED: Mapping[DatasetName, str] = {
    "dl3dv": "folders SUBSET/SCENE with images_4, transforms.json and sparse",
    "mipnerf360": "folders SCENE with images_4 or images_2, and sparse",
    "colmap": "folders SCENE or GROUP/SCENE with sparse/0 or sparse",
    "video": "films such as .mp4, or folders of them",
}


def discover(
    dataset: DatasetName, root: Path, subsets: Sequence[str] = (), *, images: str | None = None
) -> list[SceneSource]:
    """The scenes of a data set, sorted by subset and name. What is wrong with one is found by `check_ready`.

    Args:
        dataset: which preset's rules say what a scene is.
        root: folder of the data set.
        subsets: which of its subsets; the preset's default where there are none.
        images: folder of images inside each scene, instead of the preset's.

    Raises:
        UserError: the root or a subset does not exist, or there is no scene.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise UserError(f"--dataset-root {root} {what}; a folder with {_EXPECTED[dataset]} was expected")
    scenes = sorted(
        PRESETS[dataset].find(root, subsets, images), key=lambda scene: (scene.subset, scene.name)
    )
    if not scenes:
        place = ", ".join(str(root / subset) for subset in subsets) if subsets else str(root)
        raise UserError(
            f"{place} holds no scene of {dataset}: {_EXPECTED[dataset]} were expected, and {root} holds "
            f"{listed(root)}"
        )
    return scenes
