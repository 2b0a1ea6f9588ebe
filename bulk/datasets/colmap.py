"""Any folders that hold a COLMAP model: the root itself, those in it, and those in its folders."""

from collections.abc import Sequence
from pathlib import Path

from bulk.datasets.preset import Preset, folders_in, subset_folders
from bulk.jobs import SceneSource
from scene.datasets.colmap import find_model

IMAGE_FOLDERS = ("images", "images_2", "images_4", "images_8")
"""Where images are looked for, the largest first."""


def find(root: Path, subsets: Sequence[str], images: str | None = None) -> list[SceneSource]:
    """Folders with a model: a folder that holds scenes, and is none itself, is a subset.

    Raises:
        UserError: a subset does not exist.
    """
    if subsets:
        groups = subset_folders(root, subsets)
        return [source for group in groups for source in _scenes(group, group.name, images)]
    if find_model(root) is not None:
        return [_source(root.resolve(), "", images)]
    found = []
    for folder in folders_in(root):
        if find_model(folder) is not None:
            found.append(_source(folder, "", images))
        else:
            found += _scenes(folder, folder.name, images)
    return found


def _scenes(group: Path, subset: str, images: str | None) -> list[SceneSource]:
    return [_source(folder, subset, images) for folder in folders_in(group) if find_model(folder) is not None]


def _source(folder: Path, subset: str, images: str | None) -> SceneSource:
    present = (name for name in IMAGE_FOLDERS if (folder / name).is_dir())
    return SceneSource(folder.name, subset, folder, images or next(present, IMAGE_FOLDERS[0]), "colmap")


PRESET = Preset(
    "colmap",
    find,
    "",
    "Captures of your own: the licence of what is made is that of the photographs.",
)
