"""Whether a scene can be worked on: the first step of a job, which reads what planning only counts.

Every reason against it is collected, so that one look at the report tells all there is to mend.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bulk.datasets import PRESETS
from bulk.datasets.dl3dv import BENCHMARK_FOLDER
from bulk.datasets.dl3dv import IMAGES as DL3DV_IMAGES
from bulk.half_downloads import git_lfs_pointers, unfinished
from bulk.jobs import Job, SceneSource
from core.errors import UserError
from core.files import read_json
from core.images import IMAGE_SUFFIXES, read_image
from scene.datasets import CaptureOptions, read_source
from scene.datasets.colmap import find_model
from scene.datasets.source import SourceScene, SourceView
from scene.datasets.transforms_json import read_transforms
from scene.datasets.view_check import check_orientation, check_view
from scene.frames import FrameOptions, open_frames
from scene.images import read_header
from scene.splits import PARTITION_FILE, views_that_train

_TRANSFORMS = "transforms.json"
# DL3DV's images_4 are 960 px wide where the capture is 4K and 480 px where it is 2K; this is between the two.
_LEAST_LONG_SIDE_OF_4K_PX = 720
_LISTED = 3


class NotReadyError(UserError):
    """A scene that cannot be worked on.

    Args:
        place: the scene.
        reasons: why, each a clause.
    """

    def __init__(self, place: Path, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reason.replace(f"{place}/", "") for reason in reasons)
        super().__init__(f"{place} is not ready: {'; '.join(self.reasons)}")


@dataclass(frozen=True)
class ReadinessConfig:
    """What a scene must have."""

    least_views: int = 16
    """Views with a pose and an image."""
    least_train_views: int = 2
    """Views that train, after splitting; masks of visibility need two."""
    least_test_views: int = 8
    """Views that are held out, after splitting: half a clip of 16 frames."""
    least_points: int = 101
    """Points to start from."""
    most_missing: float = 0.3
    """Share of the posed views whose image may be missing; they are left out, with a warning."""
    allow_missing_model: bool = False
    """Whether a scene of dl3dv with transforms.json alone will do; it starts from random points."""


@dataclass(frozen=True)
class Facts:
    """What a scene has.

    Args:
        views: with a pose and an image.
        train_views: of them, those that train.
        test_views: of them, those that are held out.
        width: of the images as they are stored, in pixels.
        height: likewise.
        points: to start from; 0 where random or predicted ones stand in.
        camera_models: COLMAP's names; those that are no pinhole cameras are undistorted when read.
        missing_images: posed views without an image.
        unregistered_images: images without a pose.
        warnings: what is not as expected and can be lived with, as sentences.
    """

    views: int
    train_views: int
    test_views: int
    width: int
    height: int
    points: int
    camera_models: tuple[str, ...] = ()
    missing_images: int = 0
    unregistered_images: int = 0
    warnings: tuple[str, ...] = ()


def check_ready(job: Job, config: ReadinessConfig | None = None) -> Facts:
    """Read the scene of a job as its training will, and look for what would make that fail.

    Args:
        job: with the scene and its split.
        config: what is asked of a scene; the defaults where there is none.

    Raises:
        NotReadyError: naming every reason.
    """
    config = config or ReadinessConfig()
    check = _check_film if job.scene.dataset == "video" else _check_capture
    facts, reasons = check(job, config)
    if reasons or facts is None:
        raise NotReadyError(job.scene.folder, reasons)
    return facts


def _check_film(job: Job, config: ReadinessConfig) -> tuple[Facts | None, list[str]]:
    film = job.scene.folder
    if film in git_lfs_pointers([film.parent]):
        return None, [f"{film.name} is a Git-LFS pointer, run `git lfs pull` in its repository"]
    try:
        frames = open_frames(film, FrameOptions())
    except UserError as error:
        return None, [str(error)]
    train = views_that_train(len(frames), job.split)
    size = (frames.facts.width, frames.facts.height)
    facts = Facts(len(frames), train, len(frames) - train, *size, points=0, warnings=frames.notes)
    return facts, _too_few_views(facts, config)


def _check_capture(job: Job, config: ReadinessConfig) -> tuple[Facts | None, list[str]]:
    scene = job.scene
    reasons = _missing_files(scene, config)
    folders = [scene.folder, scene.folder / scene.images, find_model(scene.folder) or scene.folder / "sparse"]
    if pointers := git_lfs_pointers(folders):
        reasons.append(f"{_listed(pointers)} are Git-LFS pointers, run `git lfs pull` in their repository")
    cannot_be_read = bool(reasons)
    if parts := unfinished(folders):
        reasons.append(f"{_listed(parts)} are left of a download, let it end or unpack and remove them")
    if cannot_be_read:
        return None, reasons
    try:
        source = read_source(scene.folder, CaptureOptions(images=scene.images))
    except UserError as error:
        return None, [*reasons, str(error)]
    facts, found = _check_views(job, source, config)
    return facts, reasons + found


def _missing_files(scene: SceneSource, config: ReadinessConfig) -> list[str]:
    """What its preset asks for and is not there."""
    preset, folder = PRESETS[scene.dataset], scene.folder
    images = folder / scene.images
    reasons = []
    if not images.is_dir() or not any(path.suffix.lower() in IMAGE_SUFFIXES for path in images.iterdir()):
        reasons.append(f"{scene.images} is missing or holds no images")
    is_benchmark = folder.name == BENCHMARK_FOLDER
    if preset.needs_transforms and not is_benchmark and not (folder / _TRANSFORMS).is_file():
        reasons.append(f"{_TRANSFORMS} is missing")
    excused = config.allow_missing_model and (folder / _TRANSFORMS).is_file()
    if preset.needs_model and not excused and find_model(folder) is None:
        reasons.append("sparse, the COLMAP model, is missing (DL3DV keeps it in its ColmapCache)")
    return reasons


def _check_views(job: Job, source: SourceScene, config: ReadinessConfig) -> tuple[Facts | None, list[str]]:
    views = sorted((view for view in source.views if view.path.is_file()), key=lambda view: view.name)
    missing = [view.name for view in source.views if not view.path.is_file()]
    reasons, warnings = [], list(source.notes)
    if missing:
        told = f"{len(missing)} of {len(source.views)} posed images are missing ({_listed(missing)})"
        (reasons if len(missing) > config.most_missing * len(source.views) else warnings).append(told)
    reasons += _first_error(check_view, views)
    sizes, unreadable = _sizes(views)
    reasons += unreadable
    if len(sizes) > 1:
        counts = ", ".join(f"{count} of {width}x{height}" for (width, height), count in sizes.most_common())
        reasons.append(f"its images have several sizes ({counts}), one was expected")
    if not sizes:
        return None, [*reasons, "no image of a posed view can be read"]
    (width, height), _ = sizes.most_common(1)[0]
    reasons += _first_error(lambda view: check_orientation(view, width, height), views)
    reasons += [] if unreadable else _first_error(lambda view: read_image(view.path), [views[0], views[-1]])
    unregistered = _unregistered(job.scene, source)
    train, test = _split_counts(job, len(views), reasons)
    facts = Facts(
        len(views), train, test, width, height,
        points=0 if source.points is None else int(source.points.xyz.isfinite().all(dim=1).sum()),
        camera_models=tuple(sorted({view.lens.model for view in views})),
        missing_images=len(missing),
        unregistered_images=unregistered,
    )  # fmt: skip
    reasons += _too_few_views(facts, config) + _too_few_points(job.scene, facts, config)
    return replace(facts, warnings=(*warnings, *_warnings(job.scene, source, facts))), reasons


def _first_error(check: Callable[[SourceView], object], views: Sequence[SourceView]) -> list[str]:
    """What a check says of the first view that it refuses, and of how many others it says the like."""
    errors = []
    for view in views:
        try:
            check(view)
        except UserError as error:
            errors.append(str(error))
    more = f" (and {len(errors) - 1} views more)" if len(errors) > 1 else ""
    return [errors[0] + more] if errors else []


def _sizes(views: Sequence[SourceView]) -> tuple["Counter[tuple[int, int]]", list[str]]:
    """How many images have which width and height, and what is said of those that cannot be read."""
    sizes: Counter[tuple[int, int]] = Counter()

    def count(view: SourceView) -> None:
        header = read_header(view.path)
        sizes[header.width, header.height] += 1

    unreadable = _first_error(count, views)
    return sizes, unreadable


def _unregistered(scene: SceneSource, source: SourceScene) -> int:
    """Images in the folder that no pose belongs to."""
    posed = {view.path.resolve() for view in source.views}
    images = (
        path for path in (scene.folder / scene.images).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES
    )
    return sum(path.resolve() not in posed for path in images)


def _split_counts(job: Job, views: int, reasons: list[str]) -> tuple[int, int]:
    """How many views train and how many are held out; a partition in the source goes before the share."""
    path = job.scene.folder / PARTITION_FILE
    if not path.is_file():
        train = views_that_train(views, job.split)
        return train, views - train
    try:
        partition = read_json(path)
        return len(partition["train"]), len(partition["test"])
    except UserError as error:
        reasons.append(str(error))
    except (KeyError, TypeError):
        reasons.append(f'{path} was expected to hold {{"train": [...], "test": [...]}}')
    return 0, 0


def _too_few_views(facts: Facts, config: ReadinessConfig) -> list[str]:
    limits = (
        (facts.views, config.least_views, "views can be used"),
        (facts.train_views, config.least_train_views, "views train"),
        (facts.test_views, config.least_test_views, "views are held out"),
    )
    return [f"{count} {what}, {least} were expected" for count, least, what in limits if count < least]


def _too_few_points(scene: SceneSource, facts: Facts, config: ReadinessConfig) -> list[str]:
    random_will_do = config.allow_missing_model and find_model(scene.folder) is None
    if facts.points >= config.least_points or random_will_do:
        return []
    return [f"it has {facts.points} points to start from, {config.least_points} were expected"]


def _warnings(scene: SceneSource, source: SourceScene, facts: Facts) -> list[str]:
    told = []
    if facts.unregistered_images:
        told.append(f"{facts.unregistered_images} images have no pose and are not used")
    long_side = max(facts.width, facts.height)
    if scene.dataset == "dl3dv" and scene.images == DL3DV_IMAGES and long_side < _LEAST_LONG_SIDE_OF_4K_PX:
        told.append(
            f"{scene.images} are {facts.width}x{facts.height} where 960x540 were expected: the capture is "
            "not in 4K"
        )
    if not facts.points:
        told.append("there are no points, random ones stand in for them")
    told += _disagreement(scene.folder, source)
    return told


def _disagreement(folder: Path, source: SourceScene) -> list[str]:
    """Whether transforms.json and the COLMAP model pose as many images."""
    path = folder / _TRANSFORMS
    if not path.is_file() or find_model(folder) is None:
        return []
    try:
        frames = len(read_transforms(path)[1])
    except UserError as error:
        return [f"{error}; the COLMAP model is used"]
    if frames == len(source.views):
        return []
    return [f"{_TRANSFORMS} lists {frames} frames, {len(source.views)} were expected from what was read"]


def _listed(names: Sequence[str | Path]) -> str:
    told = ", ".join(name if isinstance(name, str) else name.name for name in names[:_LISTED])
    return told + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
