"""The other end: what a trainer of video diffusion reads of a job's folder, and whether it could.

Such trainers resample silently where a scene raises an exception, so that nobody notices a broken one.
`accept` reads as they do, and says what would break; `python -m bulk.consumer FOLDER ...` tells it.
"""

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from jaxtyping import Float, UInt8
from numpy import ndarray

from core import cli
from core.arrays import read_array
from core.errors import UserError
from core.files import read_json
from core.images import read_gray, read_image
from core.run_folder import RunFolder, ViewSet
from training.mask_options import FOLDERS, mask_names

LENGTH = 16
"""Views of a clip."""

MASKS = FOLDERS["visibility"]
"""The folder of the masks that are read."""

_STRIDES = (1, 2, 3, 4, 5)
_TRIES = 10  # at a stride, before every view is taken
_DRAWN_CLIPS = 8  # by `accept`


@dataclass(frozen=True)
class Place:
    """Where the images of a view are.

    Args:
        views: train or test.
        position: in that list of the partition; its files are `%05d.png`.
    """

    views: ViewSet
    position: int


@dataclass(frozen=True)
class ClipView:
    """One view of a clip, as its files are; whether their sizes agree is what `accept` asks.

    Args:
        index: among all views.
        gt: the photograph.
        render: the rendering.
        mask: 255 = no training view supports it.
        c2w: camera-to-world, OpenCV axes.
    """

    index: int
    gt: UInt8[ndarray, "_ _ 3"]
    render: UInt8[ndarray, "_ _ 3"]
    mask: UInt8[ndarray, "_ _"]
    c2w: Float[ndarray, "4 4"]


class SceneReader:
    """A job's folder as a data loader sees it.

    Args:
        folder: of the job.
        masks: the folder of masks that are read, beside `renders`.

    Raises:
        UserError: partition.json, the cameras or the folders of images are missing or broken.
    """

    def __init__(self, folder: Path, masks: str = MASKS) -> None:
        self.run, self.masks = RunFolder(folder), masks
        self.partition = read_partition(self.run.partition)
        self.extrinsics = read_array(self.run.extrinsics)
        self.intrinsics = read_array(self.run.camera_intrinsics)
        self.places = {
            index: Place(views, position)
            for views in ("train", "test")
            for position, index in enumerate(self.partition[views])
        }
        rendered = sorted(
            int(path.name[5:]) for path in folder.glob("train/ours_*") if path.name[5:].isdecimal()
        )
        if not rendered:
            raise UserError(f"{folder} has no train/ours_N; nothing has been rendered")
        self.iteration = rendered[-1]

    def path(self, index: int, kind: str) -> Path:
        """The image of a view; `kind` is the folder it lies in."""
        place = self.places[index]
        base = self.run.path / place.views / f"ours_{self.iteration}" / kind
        return base / f"{place.position:05d}.png"

    def view(self, index: int) -> ClipView:
        """All that is read of a view.

        Raises:
            UserError: a file is missing or does not decode, or a mask is not one of 8 bits.
        """
        path = self.path(index, self.masks)
        mask = read_gray(path)
        if mask.dtype != np.uint8:
            raise UserError(f"{path} has 16 bits; a grey image of 8 bits was expected")
        gt, render = (read_image(self.path(index, kind)) for kind in ("gt", "renders"))
        return ClipView(index, gt, render, mask, self.extrinsics[index])

    def clip(self, draw: random.Random, length: int = LENGTH) -> list[int]:
        """Numbers of the views of a clip: some that train, and held-out ones beside them.

        Every s-th view is taken, where enough are left; else every view, and views are repeated where the
        scene has fewer than a clip.
        """
        train, test = self._strided(draw, length)
        chosen = draw.randint(2, max(2, min(len(train), length // 2)))
        before = [index for index in test if index < min(train)]
        after = [index for index in test if index > max(train)]
        ahead = bool(after) and (not before or draw.random() < 0.5)
        rest = length - min(chosen, len(train))
        views = [*train[-chosen:], *after[:rest]] if ahead else [*before[-rest:], *train[:chosen]]
        return views + [views[-1]] * (length - len(views))

    def _strided(self, draw: random.Random, length: int) -> tuple[list[int], list[int]]:
        train, test = self.partition["train"], self.partition["test"]
        for _ in range(_TRIES):
            stride = draw.choice(_STRIDES)
            some, others = train[::stride], test[::stride]
            if len(some) + len(others) >= length and len(some) >= 2 and 2 * len(others) >= length:
                return some, others
        return train, test


def read_partition(path: Path) -> Mapping[str, list[int]]:
    """What a partition.json holds: lists of numbers of views.

    Raises:
        UserError: it holds anything else.
    """
    value = read_json(path)
    lists = [value.get(name) for name in ("train", "test")] if isinstance(value, dict) else [None]
    if not all(isinstance(part, list) and all(type(index) is int for index in part) for part in lists):
        raise UserError(
            f'{path} was expected to hold {{"train": [...], "test": [...]}} with numbers of views'
        )
    return value


def accept(job_folder: Path, masks: str = MASKS) -> list[str]:
    """What breaks the contract of those who read a job's folder; empty where nothing does.

    Args:
        job_folder: of the job.
        masks: the folder of masks that are read, beside `renders`.
    """
    try:
        reader = SceneReader(job_folder, masks)
    except UserError as error:
        return [str(error)]
    numbers = partition_problems(reader.partition, len(reader.extrinsics))
    cameras = _camera_problems(reader)
    problems = [*numbers, *cameras, *_published_files(reader)]
    if not numbers and not cameras:
        problems += [*_chunk_problems(reader.partition), *_image_problems(reader), *_clip_problems(reader)]
    return problems


def partition_problems(partition: Mapping[str, Sequence[int]], count: int) -> list[str]:
    """What is wrong with the numbers of a partition.

    Args:
        partition: lists `train` and `test`.
        count: of views, the rows of cam_extrinsics.npy.
    """
    problems = []
    train, test = partition["train"], partition["test"]
    if sorted([*train, *test]) != list(range(count)):
        problems.append(
            f"partition.json lists {len(train)} + {len(test)} views; each of 0 to {count - 1}, the rows of "
            "cam_extrinsics.npy, was expected once"
        )
    for name, part in (("train", train), ("test", test)):
        if list(part) != sorted(part):
            problems.append(f'"{name}" of partition.json is not ascending, so numbers of images mean others')
    if len(train) < 2 or not test:
        problems.append(f"{len(train)} views train and {len(test)} are held out; 2 and 1 are needed at least")
    return problems


def _chunk_problems(partition: Mapping[str, Sequence[int]]) -> list[str]:
    train = partition["train"]
    if train[-1] - train[0] + 1 == len(train):
        return []
    return ["the views that train are no run of neighbours; clips need them to be (--split-mode contiguous)"]


def _camera_problems(reader: SceneReader) -> list[str]:
    poses, Ks, count = reader.extrinsics, reader.intrinsics, len(reader.places)
    problems = []
    for name, array, shape in (("extrinsics", poses, (count, 4, 4)), ("intrinsics", Ks, (count, 3, 3))):
        if array.shape != shape:
            problems.append(f"cam_{name}.npy is {list(array.shape)}; {list(shape)} was expected")
        elif not np.isfinite(array).all():
            problems.append(f"cam_{name}.npy holds numbers that are not finite")
    if problems:
        return problems
    rotations = poses[:, :3, :3]
    if np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3)).max(initial=0) > 1e-3:
        problems.append("cam_extrinsics.npy holds rotations that are none")
    if np.abs(poses[:, 3] - [0, 0, 0, 1]).max(initial=0) > 1e-6:
        problems.append("cam_extrinsics.npy has last rows other than 0, 0, 0, 1")
    if (Ks[:, [0, 1], [0, 1]] <= 0).any():
        problems.append("cam_intrinsics.npy holds focal lengths that are not positive")
    return problems


def _published_files(reader: SceneReader) -> list[str]:
    run = reader.run
    files = (run.point_cloud(reader.iteration), run.cameras, run.cfg_args, run.input_points)
    return [f"{file.relative_to(run.path)} is missing" for file in files if not file.is_file()]


def _image_problems(reader: SceneReader) -> list[str]:
    """Every image is opened: what is cut off is found here."""
    problems, sizes = [], set()
    for index, place in reader.places.items():
        try:
            view = reader.view(index)
        except UserError as error:
            problems.append(str(error))
            continue
        sizes |= {image.shape[:2] for image in (view.gt, view.render, view.mask)}
        framed = reader.path(index, reader.masks).with_name(mask_names(place.position, index)[1])
        if not framed.is_file():
            problems.append(f"{framed.relative_to(reader.run.path)} is missing")
    if len(sizes) > 1:
        told = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
        problems.append(f"images have several sizes ({told}); one was expected")
    return problems + _strays(reader)


def _strays(reader: SceneReader) -> list[str]:
    """Numbered images beyond the ends of the lists: of another split, or another partition."""
    problems = []
    for views in ("train", "test"):
        count = len(reader.partition[views])
        for kind in ("renders", "gt"):
            folder = reader.run.path / views / f"ours_{reader.iteration}" / kind
            found = len(list(folder.glob("*.png")))
            if found > count:
                problems.append(f"{views}/{kind} has {found} images; the partition lists {count}")
    return problems


def _clip_problems(reader: SceneReader) -> list[str]:
    """Clips are drawn as a loader does, and their relative poses formed."""
    for seed in range(_DRAWN_CLIPS):
        clip = reader.clip(random.Random(seed))
        poses = reader.extrinsics[clip]
        if len(clip) != LENGTH or not np.isfinite(np.linalg.inv(poses[0]) @ poses).all():
            return ["no clip could be formed of its views"]
    return []


@dataclass(frozen=True)
class Accept:
    """Say what breaks the contract of those who read the folders of jobs."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders SCENE_SPLIT."""
    masks: str = MASKS
    """The folder of masks that are read."""


def main(args: Sequence[str] | None = None) -> int:
    """The command line: 0 where all is well, 3 where something breaks the contract."""

    def check(command: Accept) -> int:
        found: dict[Path, Any] = {folder: accept(folder, command.masks) for folder in command.folders}
        for folder, problems in found.items():
            sys.stdout.write(f"{folder}: {'; '.join(problems) or 'accepted'}\n")
        return 3 if any(found.values()) else 0

    return cli.run(check, Accept, args=args, prog="python -m bulk.consumer")


if __name__ == "__main__":
    sys.exit(main())
