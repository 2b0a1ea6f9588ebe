"""What a source is: photographs with known cameras, a driving log, a video, or what was predicted of one."""

from pathlib import Path
from typing import Literal

from core.errors import UserError
from scene.datasets import LOG_READERS, READERS, is_log
from scene.frames import holds_frames
from scene.prediction_layout import find_layout

SourceKind = Literal["capture", "log", "video", "prediction"]

_LISTED = 6


def kind_of_source(source: Path) -> SourceKind:
    """Tell a source by the files that it has.

    Raises:
        UserError: it does not exist or is nothing that can be trained on.
    """
    if not source.exists():
        raise UserError(
            f"{source} does not exist; a video, a folder of its frames, or the folder of a capture was "
            "expected"
        )
    if source.is_dir():
        if find_layout(source) is not None:
            return "prediction"
        if is_log(source):
            return "log"
        if any(reader.detect(source) for reader in READERS):
            return "capture"
    if holds_frames(source):
        return "video"
    if not source.is_dir():
        raise UserError(f"{source} is neither a video nor a folder; one of the two was expected")
    names = sorted(path.name for path in source.iterdir())
    found = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "") if names else "nothing"
    marks = ", ".join(reader.marks for reader in (*READERS, *LOG_READERS))
    raise UserError(f"{source} is neither a capture ({marks}) nor a video or its frames; it holds {found}")
