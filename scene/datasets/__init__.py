"""Readers of captures: one file for each kind of data set, entered in `READERS`."""

from pathlib import Path

from core.errors import UserError
from scene.capture import Capture
from scene.datasets import blender, colmap, nerfstudio, prediction, sintel, tum
from scene.datasets.assemble import assemble
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader

__all__ = ["READERS", "CaptureOptions", "declared_test_images", "open_capture"]

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
    reader = _reader_of(source, options.source_format)
    return assemble(source, reader.read(source, options), options)


def declared_test_images(source: Path) -> tuple[str, ...]:
    """Names of the images that a data set itself asks to hold out, as in `Capture.image_names`.

    Raises:
        UserError: the file that lists them is broken.
    """
    reader = next((reader for reader in READERS if reader.detect(source)), None)
    return () if reader is None else reader.test_images(source)


def _reader_of(source: Path, source_format: str) -> Reader:
    """The reader of a folder; when there is none, what was expected and what is there instead."""
    if not source.is_dir():
        what = "is a file, not a folder" if source.exists() else "does not exist"
        raise UserError(f"{source} {what}; the folder of a capture was expected")
    readers = [reader for reader in READERS if source_format in ("auto", reader.name)]
    for reader in readers:
        if reader.detect(source):
            return reader
    expected = ", ".join(reader.marks for reader in readers)
    names = sorted(path.name for path in source.iterdir())
    found = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "") if names else "nothing"
    raise UserError(f"{source} is no capture: {expected} was expected, but it holds {found}")
