"""From a command to the list of jobs, without opening a file of any scene."""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from bulk.datasets import PRESETS, discover
from bulk.job_options import JobOptions
from bulk.jobs import DatasetName, Job, SceneSource, StageName
from bulk.states import HOME, read_object
from core.cli import flag
from core.errors import UserError
from core.files import explain, make_folder, sha256_of, write_json
from core.run_folder import RunFolder
from core.serialization import config_to_json, differences

_LEAST_TRAINING_VIEWS = 2
_FIXED = (
    "seed", "iterations", "split_mode", "resolution", "extra_downscale", "sh_degree", "max_gaussians",
    "coarser",
)  # fmt: skip
"""Options that all outputs of a data set depend on."""
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Selection:
    """Which scenes, and how their views are divided."""

    subset: tuple[str, ...] = ()
    """Folders between the root and the scenes, such as 1K 2K; those that the data set names by default."""
    images: Annotated[str | None, flag("-i")] = None
    """Folder of images inside each scene, instead of the data set's own: images_4 of dl3dv, images_2
    indoors and images_4 outdoors of mipnerf360, the largest of colmap."""
    split_ratio: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    """Shares of the views that train, between 0 and 1: a job for each."""
    cut_start: int = 0
    """The first scene of the sorted list that is taken, from 0."""
    cut_end: int | None = None
    """The scene of the sorted list to stop before; all to the end by default."""
    skip_existing: bool = False
    """Leave jobs alone that have a point cloud, cam_extrinsics.npy and partition.json, whoever made them."""

    def __post_init__(self) -> None:
        if self.cut_start < 0:
            raise ValueError(f"cut_start: a number from 0 on was expected, got {self.cut_start}")


def plan(dataset: DatasetName, captures: Path, root: Path, selection: Selection) -> list[Job]:
    """The jobs of a command, scene by scene.

    Args:
        dataset: whose rules the scenes follow.
        captures: the folder of all captures.
        root: the folder of the data set that is made.
        selection: which scenes and splits.

    Raises:
        UserError: a share is out of range, or there is no scene, or none has views enough.
    """
    for share in selection.split_ratio:
        if not 0 < share < 1:
            raise UserError(f"--split-ratio {share:g}: shares between 0 and 1 were expected, such as 0.5")
    found = discover(dataset, captures, selection.subset, images=selection.images)
    scenes = found[selection.cut_start : selection.cut_end]
    if not scenes:
        raise UserError(
            f"--cut-start {selection.cut_start} and --cut-end {selection.cut_end or 'left out'} leave none "
            f"of the {len(found)} scenes in {captures}; a part of that list was expected"
        )
    _check_views(scenes, selection.split_ratio)
    shares = sorted(set(selection.split_ratio))
    # Workers elsewhere begin in another folder.
    scenes = [replace(scene, folder=scene.folder.absolute()) for scene in scenes]
    jobs = [Job(scene, share, root.absolute()) for scene in scenes for share in shares]
    return [job for job in jobs if not (selection.skip_existing and _exists(job))]


def check_stages(stages: Sequence[StageName], yes: bool) -> None:
    """Make sure that nothing is deleted that the user has not agreed to.

    Args:
        stages: that were asked for.
        yes: whether the user has agreed.

    Raises:
        UserError: there is none, one twice, or `clean` without the agreement or beside others.
    """
    if not stages or len(set(stages)) < len(stages):
        raise UserError(f"--stages {' '.join(stages)}: at least one was expected, and none twice")
    if "clean" in stages and len(stages) > 1:
        raise UserError(f"--stages {' '.join(stages)}: clean stands alone; clean first, then do the others")
    if "clean" in stages and not yes:
        raise UserError("--stages clean deletes outputs; add --yes if that is meant")


def claim(root: Path, dataset: DatasetName, options: JobOptions, images: str | None = None) -> str:
    """Make the folder of the data set ours, or find that it is.

    What all outputs depend on has to be as it was when the data set was begun. Other options may change: the
    stages that depend on them are done anew.

    Args:
        root: the folder.
        dataset: whose rules its scenes follow.
        options: of all jobs.
        images: folder of images inside each scene; None = the data set's own.

    Returns:
        A digest of the options.

    Raises:
        UserError: it was begun with other options, it cannot be written, or the captions cannot be read.
    """
    values = json.loads(json.dumps(config_to_json(options)))
    usual = PRESETS[dataset].images or None
    wanted = {"dataset": dataset, "images": images or usual}
    wanted |= {name: values[name] for name in _FIXED if name in values}
    path = make_folder(root / HOME) / "run.json"
    if not path.exists():
        _create(path, wanted)
    begun = read_object(path)
    begun.setdefault("images", usual)
    changed = differences(begun, wanted)
    if changed:
        name, (old, new) = next(iter(changed.items()))
        raise UserError(
            f"--output-dir {root} was begun with {name} {old}, and now it is {new}; choose another folder, "
            f"or the options of then, which are in {path}"
        )
    return digest_of(options)


def digest_of(options: JobOptions) -> str:
    """A digest of all that results depend on: of captions what they say, not where they lie.

    Raises:
        UserError: the captions cannot be read.
    """
    values = config_to_json(options)
    values.pop("yes", None)
    if options.captions is not None:
        values["captions"] = sha256_of(options.captions)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _create(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file unless another command is faster.

    Raises:
        UserError: it cannot be written.
    """
    mine = path.with_name(f"{path.stem}.{platform.node()}.{os.getpid()}.json")
    write_json(mine, value)
    try:
        os.link(mine, path)  # which replaces nothing, and is there as a whole
    except FileExistsError:
        pass
    except OSError:  # a disk without links
        _create_in_place(path, mine.read_bytes())
    finally:
        mine.unlink()


def _create_in_place(path: Path, content: bytes) -> None:
    try:
        with suppress(FileExistsError), path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise explain(error, path) from error


def _check_views(scenes: Iterable[SceneSource], shares: Sequence[float]) -> None:
    """Make sure that some scene has enough views for each share; the others are left to each job's own check.

    Raises:
        UserError: none has.
    """
    most = 0
    for scene in scenes:
        most = max(most, _view_count(scene))
        if round(min(shares) * most) >= _LEAST_TRAINING_VIEWS:
            return
    for share in shares:
        if round(share * most) < _LEAST_TRAINING_VIEWS:
            raise UserError(
                f"--split-ratio {share:g} leaves fewer than {_LEAST_TRAINING_VIEWS} views for training, as "
                f"no scene has more than {most} images; choose a larger share"
            )


def _view_count(scene: SceneSource) -> int:
    """Images of a scene; of a video nobody knows without opening it, so it counts as long enough."""
    if scene.dataset == "video":
        return 10**9
    folder = scene.folder / scene.images
    try:
        return sum(name.lower().endswith(_IMAGES) for name in os.listdir(folder))  # noqa: PTH208 - 10,000 folders
    except OSError:
        return 0


def _exists(job: Job) -> bool:
    named = all((job.folder / name).exists() for name in ("cam_extrinsics.npy", "partition.json"))
    return named and bool(RunFolder(job.folder).iterations())
