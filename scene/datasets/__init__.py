"""Readers of captures: one file for each kind of data set, entered in `READERS`."""

from pathlib import Path

from core.errors import UserError
from scene.capture import Capture
from scene.datasets import blender, colmap, nerfstudio, prediction, sintel, tum
from scene.datasets.assemble import assemble
from scene.datasets.image_folders import DIVISORS, WIDTH_CAP_PX, check_resolution
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader, SourceScene
from scene.datasets.street import LOG_READERS, is_log, open_log
from scene.datasets.street_options import StreetOptions

__all__ = [
    "LOG_READERS",
    "READERS",
    "CaptureOptions",
    "StreetOptions",
    "declared_test_images",
    "is_log",
    "open_capture",
    "open_log",
    "read_source",
]

READERS: tuple[Reader, ...] = (
    prediction.READER,  # before COLMAP, as it holds such a model too
    colmap.READER,
    nerfstudio.READER,
    blender.READER,
    sintel.READER,
    tum.READER,
)
"""The first that recognises a folder reads it."""

_LISTED = 6


def open_capture(source: Path, options: CaptureOptions | None = None) -> Capture:
    """Read a capture. Its images are decoded in the background from now on; the source is never written to.

    Args:
        source: folder of the capture.
        options: how to read it; the defaults when there are none.

    Raises:
        UserError: the folder holds no capture, or one that is broken.
    """
    options = options or CaptureOptions()
    if options.source_format == "auto" and is_log(source):
        return open_log(source, _street_options(options))
    return assemble(source, read_source(source, options), options)


def read_source(source: Path, options: CaptureOptions) -> SourceScene:
    """What a source that is no driving log says of itself; no image is looked at.

    Raises:
        UserError: the folder holds no capture, or its description is broken.
    """
    return _reader_of(source, options.source_format).read(source, options)


def declared_test_images(source: Path) -> tuple[str, ...]:
    """Names of the images that a data set itself asks to hold out, as in `Capture.image_names`.

    Raises:
        UserError: the file that lists them is broken.
    """
    reader = next((reader for reader in READERS if reader.detect(source)), None)
    return () if reader is None else reader.test_images(source)


def _street_options(options: CaptureOptions) -> StreetOptions:
    """The whole log, at the size that is asked for."""
    check_resolution(options)
    if options.resolution in DIVISORS:
        return StreetOptions(downscale=options.resolution * options.extra_downscale)
    long_side = WIDTH_CAP_PX if options.resolution == -1 else options.resolution
    return StreetOptions(long_side=long_side, downscale=options.extra_downscale)


def _reader_of(source: Path, source_format: str) -> Reader:
    """The reader of a folder; when there is none, what was expected and what is there instead."""
    if not source.is_dir():
        what = "is a file, not a folder" if source.exists() else "does not exist"
        raise UserError(f"{source} {what}; the folder of a capture was expected")
    readers = [reader for reader in READERS if source_format in ("auto", reader.name)]
    for reader in readers:
        if reader.detect(source):
            return reader
    logs = LOG_READERS if source_format == "auto" else ()
    expected = ", ".join(reader.marks for reader in (*readers, *logs))
    names = sorted(path.name for path in source.iterdir())
    found = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "") if names else "nothing"
    raise UserError(f"{source} is no capture: {expected} was expected, but it holds {found}")
