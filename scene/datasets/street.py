"""Driving logs: one reader for each kind, entered in `LOG_READERS`; all give a `Capture` with a drive."""

from pathlib import Path

from core.errors import UserError
from scene.capture import Capture
from scene.datasets.nuscenes import READER as NUSCENES
from scene.datasets.pandaset import READER as PANDASET
from scene.datasets.street_capture import capture_of_log
from scene.datasets.street_folder import READER as STREET_FOLDER
from scene.datasets.street_log import LogReader, StreetLog
from scene.datasets.street_options import StreetOptions
from scene.datasets.waymo_folder import READER as WAYMO_FOLDER

LOG_READERS: tuple[LogReader, ...] = (STREET_FOLDER, WAYMO_FOLDER, PANDASET, NUSCENES)
"""The first that recognises a folder reads it."""


def is_log(source: Path) -> bool:
    """Whether a folder is a driving log of any kind."""
    return any(reader.detect(source) for reader in LOG_READERS)


def open_log(source: Path, options: StreetOptions | None = None) -> Capture:
    """Read a driving log. Images are decoded in the background from now on; the source is never written to.

    Args:
        source: folder of the log.
        options: how to read it; the defaults when there are none.

    Raises:
        UserError: the folder holds no log, or one that is broken, or none of what is asked for.
    """
    options = options or StreetOptions()
    return capture_of_log(source, _read(source, options), options)


def frame_numbers(source: Path, options: StreetOptions) -> list[int]:
    """Numbers of the frames of a log that are asked for, increasing; as `open_log` raises."""
    return [frame.number for frame in _read(source, options).frames]


def _read(source: Path, options: StreetOptions) -> StreetLog:
    readers = [reader for reader in LOG_READERS if options.log_format in ("auto", reader.name)]
    for reader in readers:
        if source.is_dir() and reader.detect(source):
            return reader.read(source, options)
    expected = "; or ".join(reader.marks for reader in readers)
    raise UserError(f"{source} is no driving log: a folder with {expected} was expected")
