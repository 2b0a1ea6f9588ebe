"""What is done to what: stages, scenes and the jobs made of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

StageName = Literal[
    "train",
    "render",
    "visibility",
    "depth",
    "metrics",
    "validate",
    "pack",
    "postprocess",
    "partition_fix",
    "clean",
]
"""Stages of a job, in the order in which they depend on one another; the last three stand alone."""

STAGES: tuple[StageName, ...] = get_args(StageName)

DatasetName = Literal["dl3dv", "mipnerf360", "colmap", "video"]
"""Presets of data sets: how scenes are found, and which images of them are used."""


@dataclass(frozen=True)
class SceneSource:
    """One capture among many. Making one reads nothing.

    Args:
        name: of the scene, a file name.
        subset: the level of folders between the root and the scene, such as 1K; empty where there is none.
        folder: the capture; of `video` the film itself.
        images: folder of the images inside the capture, such as images_4.
        dataset: whose rules it follows.
    """

    name: str
    subset: str
    folder: Path
    images: str
    dataset: DatasetName


@dataclass(frozen=True)
class Job:
    """A scene, and the share of its views that trains.

    Args:
        scene: the capture.
        split: share of the views that train, between 0 and 1.
        root: the folder of the whole data set that is made.
    """

    scene: SceneSource
    split: float
    root: Path

    @property
    def name(self) -> str:
        """`SCENE_SPLIT`: the scene's id in the data set that is made."""
        return f"{self.scene.name}_{self.split:g}"

    @property
    def folder(self) -> Path:
        """Where its outputs lie: a run folder of `train.py`."""
        return self.root / self.scene.subset / self.name

    @property
    def key(self) -> str:
        """Its name among all jobs: with the subset."""
        return f"{self.scene.subset}/{self.name}" if self.scene.subset else self.name
