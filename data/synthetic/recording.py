"""What a worker does for one frame; what runs once is apart, so that no worker has to load torch."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.files import depth_image, write_camera, write_depth, write_flow, write_image
from data.synthetic.flow import Seen, flow_between, occluded
from data.synthetic.points import ColoredPoints, find_points
from data.synthetic.poses import inverse
from data.synthetic.stage import Quality, Stage
from data.synthetic.views import Pinhole
from data.synthetic.workers import stage_of


@dataclass(frozen=True)
class StaticRecorder:
    """Takes the pictures of a place where nothing moves.

    Args:
        folder: gets `images` and `depth`, which exist.
        seed: of the place.
        quality: of the pictures.
        views: the cameras.
        points_each: how many points to pick in each picture.
    """

    folder: Path
    seed: int
    quality: Quality
    views: tuple[Pinhole, ...]
    points_each: int

    def record(self, index: int) -> ColoredPoints:
        """Write a picture and its depth; return points of it."""
        stage = stage_of(self.seed, False, self.quality)
        view = self.views[index]
        image, seen = stage.photograph(view, 0.0), _see(stage, view, 0.0)
        write_image(self.folder / "images" / static_name(index), image)
        write_image(self.folder / "depth" / static_name(index), depth_image(seen.depths))
        return find_points(image, seen, self.points_each, np.random.default_rng((self.seed, 6, index)))


@dataclass(frozen=True)
class VideoFolders:
    """Where the files of one sequence go; all exist."""

    davis_images: Path
    davis_masks: Path
    final: Path
    flow: Path
    occlusions: Path
    depth: Path
    cameras: Path
    labels: Path


@dataclass(frozen=True, eq=False)
class VideoRecorder:
    """Takes the pictures of a place where things move.

    Args:
        folders: where to.
        seed: of the place.
        quality: of the pictures.
        views: the cameras.
        times_s: when each of them looks.
    """

    folders: VideoFolders
    seed: int
    quality: Quality
    views: tuple[Pinhole, ...]
    times_s: Float64[ndarray, " N"]

    @property
    def stage(self) -> Stage:
        """The place, made once in each process."""
        return stage_of(self.seed, True, self.quality)

    def record(self, index: int) -> float:
        """Write all that belongs to a frame; return which part of it moves."""
        view, folders, seen = self.views[index], self.folders, _seen(self, index)
        image = self.stage.photograph(view, float(self.times_s[index]))
        moving = seen.moving.astype(np.uint8) * np.uint8(255)
        write_image(folders.davis_images / f"{index:05d}.jpg", image)
        write_image(folders.davis_masks / f"{index:05d}.png", moving)
        frame = f"frame_{index + 1:04d}"
        write_image(folders.final / f"{frame}.png", image)
        write_image(folders.labels / f"{frame}.png", moving)
        write_depth(folders.depth / f"{frame}.dpt", seen.depths)
        write_camera(folders.cameras / f"{frame}.cam", view.K, inverse(view.c2w))
        if index + 1 < len(self.views):
            following = _seen(self, index + 1)
            flow, depths = flow_between(seen, following)
            write_flow(folders.flow / f"{frame}.flo", flow)
            hidden = occluded(seen, following, flow, depths)
            write_image(folders.occlusions / f"{frame}.png", hidden.astype(np.uint8) * np.uint8(255))
        return float(seen.moving.mean())


def static_name(index: int) -> str:
    """File name of the picture with an index: frames are counted from 1."""
    return f"frame_{index + 1:05d}.png"


@lru_cache(maxsize=2)
def _seen(recorder: VideoRecorder, index: int) -> Seen:
    """What a frame sees; the frame before has asked for it already if the same process took that."""
    return _see(recorder.stage, recorder.views[index], float(recorder.times_s[index]))


def _see(stage: Stage, view: Pinhole, time_s: float) -> Seen:
    snapshot, parts, depths = stage.geometry(view, time_s)
    return Seen(view, snapshot, parts, depths)
