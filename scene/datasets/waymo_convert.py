"""`python -m scene.datasets.waymo_convert`: segments of the Waymo Open Dataset into folders of plain files.

The flags are those of S3Gaussian's and 4DHash's `preprocess_main.py`, so that their commands work with this
module's name in its place. TensorFlow is not needed. A scene that is there is left alone, so that the same
command goes on where it stopped.
"""

import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.cli import flag
from core.errors import UserError
from core.folders import remove
from core.progress import Progress, say
from scene.datasets.waymo.convert import KEYS, Key, convert_frames, is_converted
from scene.datasets.waymo.parquet import is_parquet_root, parquet_segments, read_parquet_segment
from scene.datasets.waymo.read import read_segment
from scene.datasets.waymo.scenes import (
    LIST_NAME,
    Scene,
    context_name,
    read_list,
    scenes_of_ids,
    scenes_of_split,
)

_SUFFIX = ".tfrecord"


@dataclass(frozen=True)
class WaymoConvert:
    """Convert segments of the Waymo Open Dataset (TFRecords of version 1, parquet of version 2)."""

    data_root: Path
    """Folder of <segment>.tfrecord files; or of version 2, with camera_image/<segment>.parquet and so on."""

    target_dir: Path
    """Folder that gets SPLIT/SCENE, such as training/022."""

    split: str = "training"
    """The folder between."""

    workers: int = 4
    """Number of processes; a scene is converted by one of them."""

    scene_ids: tuple[int, ...] = ()
    """Scenes by their numbers in the list of segments; before the other choices."""

    split_file: Path | None = None
    """File of scenes such as data/waymo_splits/dynamic32.txt."""

    start_idx: int = 0
    """First scene, where neither ids nor a split file is given."""

    num_scenes: int = 200
    """Number of scenes from there."""

    process_keys: tuple[Key, ...] = KEYS
    """What is taken out of a segment."""

    segment_list: Annotated[Path | None, flag(name="list")] = None
    """Sorted list of all segments, one a line, which gives them their numbers; by default
    waymo_train_list.txt in the data root, where the download puts it."""


def convert(settings: WaymoConvert) -> None:
    """Convert the scenes that are asked for and not there yet.

    Raises:
        UserError: a scene or segment does not exist, or some could not be converted; the others were.
    """
    if not settings.data_root.is_dir():
        raise UserError(f"--data-root {settings.data_root} is no folder; that of the segments was expected")
    if settings.workers < 1 or not settings.process_keys:
        raise UserError("--workers must be 1 or more, and --process-keys must name something")
    scenes = _scenes(settings)
    target = settings.target_dir / settings.split
    jobs = [(scene, target / f"{scene.number:03d}") for scene in scenes]
    waiting = [
        (scene, folder)
        for scene, folder in jobs
        if not is_converted(folder, context_name(scene.segment), settings.process_keys)
    ]
    if len(waiting) < len(jobs):
        say(f"{len(jobs) - len(waiting)} of {len(jobs)} scenes are there")
    failures = _run(settings, waiting) if waiting else []
    if failures:
        more = f" (and {len(failures) - 1} more scenes failed)" if len(failures) > 1 else ""
        raise UserError(f"{failures[0]}{more}")
    say(f"{len(jobs)} scenes are in {target}")


def _run(settings: WaymoConvert, jobs: Sequence[tuple[Scene, Path]]) -> list[str]:
    """Convert scenes; the sentences of those that failed."""
    failures: list[str] = []
    with Progress(len(jobs), label="scenes") as progress:
        if settings.workers == 1 or len(jobs) < 2:
            for scene, folder in jobs:
                failures += _attempt(settings, scene, folder)
                progress.advance()
            return failures
        # Spawned: a fork would copy the locks of whatever threads are about.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(settings.workers, len(jobs)), mp_context=context) as pool:
            futures = [pool.submit(_attempt, settings, scene, folder) for scene, folder in jobs]
            for future in as_completed(futures):
                try:
                    failures += future.result()
                except BrokenProcessPool as error:
                    raise UserError(
                        "a process that converted a scene was ended from outside, probably for want of "
                        "memory; repeat the command with fewer --workers"
                    ) from error
                progress.advance()
    return failures


def _attempt(settings: WaymoConvert, scene: Scene, folder: Path) -> list[str]:
    """Convert one scene; the sentence why it failed, if it did."""
    try:
        if is_parquet_root(settings.data_root):
            frames = read_parquet_segment(settings.data_root, scene.segment)
        else:
            frames = read_segment(settings.data_root / f"{scene.segment}{_SUFFIX}")
        convert_frames(frames, folder, settings.process_keys)
    except UserError as error:
        remove(folder.with_name(f".{folder.name}.part"))
        return [f"scene {scene.number:03d}: {error}"]
    return []


def _scenes(settings: WaymoConvert) -> list[Scene]:
    """The scenes that are meant."""
    listed = settings.segment_list or settings.data_root / LIST_NAME
    has_list = settings.segment_list is not None or listed.is_file()
    if not has_list and (settings.scene_ids or settings.split_file):
        raise UserError(
            f"{listed} does not exist, and without the list of all segments scenes have no numbers; make it "
            "by `python -m data.download_waymo`, or name one by --list"
        )
    names = read_list(listed) if has_list else _segments(settings.data_root)
    if settings.scene_ids:
        return scenes_of_ids(settings.scene_ids, names)
    if settings.split_file:
        return scenes_of_split(settings.split_file, names)
    here = {context_name(name) for name in _segments(settings.data_root)}
    numbered = [Scene(number, name) for number, name in enumerate(names)]
    chosen = numbered[settings.start_idx : settings.start_idx + settings.num_scenes]
    chosen = [scene for scene in chosen if context_name(scene.segment) in here]
    if not chosen:
        raise UserError(
            f"{settings.data_root} holds no segment of those asked for; {_SUFFIX} files were expected"
        )
    return chosen


def _segments(root: Path) -> list[str]:
    if is_parquet_root(root):
        return parquet_segments(root)
    return sorted(path.name.removesuffix(_SUFFIX) for path in root.glob(f"*{_SUFFIX}"))


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(convert, WaymoConvert, args=args, prog="python -m scene.datasets.waymo_convert")


if __name__ == "__main__":
    sys.exit(main())
