"""Scenes of a data set, by the rules of its preset."""

from collections.abc import Sequence
from pathlib import Path

from bulk.jobs import DatasetName, SceneSource


def discover(dataset: DatasetName, root: Path, subsets: Sequence[str]) -> list[SceneSource]:
    """All scenes under a root, sorted.

    Args:
        dataset: whose rules they follow.
        root: of all captures.
        subsets: folders between; all if there is none.
    """
    images = "images_4" if dataset == "dl3dv" else "images"
    if dataset == "mipnerf360":
        return [SceneSource(each.name, "", each, images, dataset) for each in sorted(root.iterdir())]
    names = subsets or sorted(path.name for path in root.iterdir() if path.is_dir())
    return [
        SceneSource(each.name, name, each, images, dataset)
        for name in names
        for each in sorted((root / name).iterdir())
    ]
