"""`python -m data.download_waymo`: segments of the Waymo Open Dataset by scene number.

A scene's number is its place in the sorted list of the training segments; the list is kept beside them. The
bucket with scene flow is the default, as only its lidar has velocities. Google's own tools fetch the files;
who wants them has to register at https://waymo.com/open and to log in by `gcloud auth login`.

Source: P. Sun et al., "Scalability in Perception for Autonomous Driving: Waymo Open Dataset", CVPR 2020.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from core import cli
from core.cli import flag
from core.errors import UserError
from core.files import make_folder, write_text
from core.folders import remove
from core.progress import Progress, say
from scene.datasets.waymo.scenes import LIST_NAME, Scene, read_list, scenes_of_ids, scenes_of_split

_SUFFIX = ".tfrecord"
_LOG_IN = (
    "log in by `gcloud auth login` with an account registered at https://waymo.com/open, and repeat the "
    "command"
)
_TOOLS = {"gcloud": ("storage",), "gsutil": ()}


@dataclass(frozen=True)
class DownloadWaymo:
    """Fetch segments of the Waymo Open Dataset (about 1 GB each)."""

    target_dir: Path = Path("data/waymo/raw")
    """The folder that gets the segments."""

    scene_ids: tuple[int, ...] = ()
    """Scenes by their numbers; before the split file."""

    split_file: Path | None = None
    """File of scenes such as data/waymo_splits/dynamic32.txt."""

    segment_list: Annotated[Path | None, flag(name="list")] = None
    """Sorted list of all segments, one a line; by default the bucket is asked once, and its answer kept."""

    bucket: str = "gs://waymo_open_dataset_scene_flow/train"
    """Where the segments are."""

    workers: int = 4
    """How many are fetched at a time."""


def download(settings: DownloadWaymo) -> None:
    """Fetch the scenes that are asked for and not there yet.

    Raises:
        UserError: none is asked for, there is no such scene, a tool is missing, or it fails.
    """
    if not settings.scene_ids and settings.split_file is None:
        raise UserError("name scenes by --scene-ids or --split-file, such as data/waymo_splits/dynamic32.txt")
    make_folder(settings.target_dir)
    names = _names(settings)
    scenes = (
        scenes_of_ids(settings.scene_ids, names)
        if settings.scene_ids
        else scenes_of_split(settings.split_file or Path(), names)
    )
    waiting = [scene for scene in scenes if not _place(settings, scene).is_file()]
    say(f"{len(scenes) - len(waiting)} of {len(scenes)} scenes are in {settings.target_dir}")
    if not waiting:
        return
    tool = find_tool()
    with (
        Progress(len(waiting), label="segments") as progress,
        ThreadPoolExecutor(max(1, settings.workers)) as pool,
    ):
        for failure in pool.map(partial(_fetch, tool, settings), waiting):
            if failure is not None:
                pool.shutdown(cancel_futures=True)
                raise failure
            progress.advance()


def find_tool() -> list[str]:
    """The first words of a command that copies from Google's storage.

    Raises:
        UserError: neither of Google's tools is installed.
    """
    for name, words in _TOOLS.items():
        found = shutil.which(name)
        if found is not None:
            return [found, *words]
    raise UserError(
        "neither gcloud nor gsutil is installed; install Google's Cloud SDK (https://cloud.google.com/sdk), "
        f"{_LOG_IN}"
    )


def _names(settings: DownloadWaymo) -> list[str]:
    """All segments, from the file that is named, from what was kept, or from the bucket."""
    if settings.segment_list is not None:
        names = read_list(settings.segment_list)
        write_text(settings.target_dir / LIST_NAME, "\n".join(names) + "\n")
        return names
    kept = settings.target_dir / LIST_NAME
    if not kept.is_file():
        told = _run([*find_tool(), "ls", f"{settings.bucket}/"], settings.bucket)
        places = [line.strip() for line in told.splitlines() if line.strip().endswith(_SUFFIX)]
        names = sorted({place.rpartition("/")[2].removesuffix(_SUFFIX) for place in places})
        if not names:
            raise UserError(f"{settings.bucket} lists no {_SUFFIX} files; name another by --bucket")
        write_text(kept, "\n".join(names) + "\n")
    return read_list(kept)


def _place(settings: DownloadWaymo, scene: Scene) -> Path:
    return settings.target_dir / f"{scene.segment}{_SUFFIX}"


def _fetch(tool: list[str], settings: DownloadWaymo, scene: Scene) -> UserError | None:
    """Fetch one segment; why that failed, if it did. Under another name until it is whole."""
    target = _place(settings, scene)
    part = target.with_name(f".{target.name}.part")
    try:
        _run([*tool, "cp", f"{settings.bucket}/{target.name}", str(part)], target.name)
        part.replace(target)
    except UserError as error:
        remove(part)
        return error
    return None


def _run(command: list[str], what: str) -> str:
    """What a tool prints.

    Raises:
        UserError: it fails; with the last thing it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise UserError(f"{Path(command[0]).name} could not get {what}: {lines[-1]}; {_LOG_IN}")
    return done.stdout


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(download, DownloadWaymo, args=args, prog="python -m data.download_waymo")


if __name__ == "__main__":
    sys.exit(main())
