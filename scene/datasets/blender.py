"""The synthetic scenes of NeRF: `transforms_train.json` and its like, images with alpha, no points."""

from pathlib import Path, PurePosixPath

from core.images import IMAGE_SUFFIXES
from scene.datasets.image_folders import ImageFinder
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader, SourceScene, SourceView
from scene.datasets.transforms_json import Json, lens_of, matrix, read_transforms, size_of_first, viewmat_of
from scene.points import random_points_in_cube

_TRAIN_FILE = "transforms_train.json"
_TEST_FILES = ("transforms_test.json", "transforms_val.json")
# The scenes fit into this cube around the origin.
_HALF_EDGE = 1.3


def _detect(source: Path) -> bool:
    return (source / _TRAIN_FILE).is_file()


def _read(source: Path, options: CaptureOptions) -> SourceScene:
    views = _views(source, source / _TRAIN_FILE)
    test_file = _test_file(source)
    if test_file is not None:
        views += _views(source, test_file)
    points = random_points_in_cube(options.random_point_count, _HALF_EDGE)
    note = f"the source has no points: {len(points)} random ones stand in for them"
    return SourceScene(views, points, (note,))


def _test_images(source: Path) -> tuple[str, ...]:
    test_file = _test_file(source)
    return () if test_file is None else tuple(view.name for view in _views(source, test_file))


def _test_file(source: Path) -> Path | None:
    """The list of views to hold out; the validation views are only read where there is no test list."""
    return next((source / name for name in _TEST_FILES if (source / name).is_file()), None)


def _views(source: Path, path: Path) -> list[SourceView]:
    meta, frames = read_transforms(path)
    finder = ImageFinder(source)
    files = [_image_file(finder, frame) for frame in frames]
    size = size_of_first(files)
    views = []
    for frame, file in zip(frames, files, strict=True):
        where = f"{path}, {frame['file_path']}"
        viewmat = viewmat_of(matrix(frame.get("transform_matrix"), f"{where}: transform_matrix"))
        name = file.relative_to(source).as_posix()
        views.append(SourceView(name, file, viewmat, lens_of(meta, frame, size, where)))
    return views


def _image_file(finder: ImageFinder, frame: Json) -> Path:
    """Frames are listed without an extension; some programs write one."""
    name = frame["file_path"]
    has_suffix = PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
    return finder.find(name if has_suffix else f"{name}.png")


READER = Reader("blender", f"{_TRAIN_FILE} (Blender)", _detect, _read, _test_images)
