"""What a worker does for one frame; what runs once is apart, so that no worker has to load torch."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numpy import ndarray

from data.synthetic.files import depth_image, write_camera, write_depth, write_flow, write_image
from data.synthetic.flow import Seen, flow_to, moving_now, occluded
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
    objects: Path


@dataclass(frozen=True)
class FrameReport:
    """How much of a frame moves.

    Args:
        moving: share of the pixels on things that move at any time.
        moving_now: share of the pixels on things that move at this moment.
        movers: share of each thing that moves at any time, by name; those that are not seen are left out.
    """

    moving: float
    moving_now: float
    movers: dict[str, float]


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

    def record(self, index: int) -> FrameReport:
        """Write all that belongs to a frame; return how much of it moves."""
        view, folders, seen = self.views[index], self.folders, _seen(self, index)
        image = self.stage.photograph(view, float(self.times_s[index]))
        now = self._moving_now(index, seen)
        write_image(folders.davis_images / f"{index:05d}.jpg", image)
        write_image(folders.davis_masks / f"{index:05d}.png", _mask_image(seen.moving))
        frame = f"frame_{index + 1:04d}"
        write_image(folders.final / f"{frame}.png", image)
        write_image(folders.labels / f"{frame}.png", _mask_image(now))
        write_image(folders.objects / f"{frame}.png", _mask_image(seen.moving))
        write_depth(folders.depth / f"{frame}.dpt", seen.depths)
        write_camera(folders.cameras / f"{frame}.cam", view.K, inverse(view.c2w))
        if index + 1 < len(self.views):
            following = _seen(self, index + 1)
            flow, depths = flow_to(seen, following.view, following.snapshot)
            write_flow(folders.flow / f"{frame}.flo", flow)
            hidden = occluded(seen, following, flow, depths)
            write_image(folders.occlusions / f"{frame}.png", _mask_image(hidden))
        return FrameReport(float(seen.moving.mean()), float(now.mean()), self._shares(seen))

    def _moving_now(self, index: int, seen: Seen) -> Bool[ndarray, "H W"]:
        neighbours = [
            (self.views[other], self.stage.world.at(float(self.times_s[other])))
            for other in (index - 1, index + 1)
            if 0 <= other < len(self.views)
        ]
        return moving_now(seen, neighbours, self.stage.world.roots())

    def _shares(self, seen: Seen) -> dict[str, float]:
        bodies, things = self.stage.world.bodies, seen.things(self.stage.world.roots())[seen.moving]
        owners, counts = np.unique(things, return_counts=True)
        pairs = zip(owners.tolist(), counts.tolist(), strict=True)
        return {bodies[owner].name: count / seen.moving.size for owner, count in pairs}


def static_name(index: int) -> str:
    """File name of the picture with an index: frames are counted from 1."""
    return f"frame_{index + 1:05d}.png"


def _mask_image(mask: Bool[ndarray, "H W"]) -> UInt8[ndarray, "H W"]:
    return mask.astype(np.uint8) * np.uint8(255)


@lru_cache(maxsize=2)
def _seen(recorder: VideoRecorder, index: int) -> Seen:
    """What a frame sees; the frame before has asked for it already if the same process took that."""
    return _see(recorder.stage, recorder.views[index], float(recorder.times_s[index]))


def _see(stage: Stage, view: Pinhole, time_s: float) -> Seen:
    snapshot, parts, depths = stage.geometry(view, time_s)
    return Seen(view, snapshot, parts, depths)
