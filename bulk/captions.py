"""What is said of scenes: read from a file, and written as trainers look for it."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from bulk.jobs import Job
from core.errors import UserError
from core.files import explain

_EXPECTED = (
    'JSON or JSON lines with "scene_id" and "caption", or one object {"SCENE": "CAPTION"}, was expected'
)


def caption_of(job: Job, file: Path | None) -> str | None:
    """What a file says of a job, by its id or by that of its scene; None where it says nothing.

    Raises:
        UserError: the file cannot be read.
    """
    if file is None:
        return None
    captions = read_captions(file)
    return captions.get(job.name, captions.get(job.scene.name))


def read_captions(file: Path) -> dict[str, str]:
    """Captions by scene.

    Args:
        file: `{"captions": [{"scene_id": ..., "caption": ...}]}` as it is written, such a list, such lines,
            or `{scene_id: caption}`.

    Raises:
        UserError: it cannot be read, or is none of these.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise explain(error, file, "read") from error
    return _read(file, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2)  # it is asked for each job, and may be edited
def _read(file: Path, _bytes: int, _changed: int) -> dict[str, str]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise explain(error, file, "read") from error
    try:
        value = _parse(text)
        if isinstance(value, dict) and isinstance(value.get("captions"), list):
            value = value["captions"]
        if isinstance(value, list):
            value = {entry["scene_id"]: entry["caption"] for entry in value}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} holds no captions ({error}); {_EXPECTED}") from error
    if not all(isinstance(caption, str) for caption in value.values()):
        raise UserError(f"{file} holds captions that are no text; {_EXPECTED}")
    return value


def _parse(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, dict) and {"scene_id", "caption"} <= value.keys():
        return [value]  # lines, of which there is one
    if not isinstance(value, (dict, list)):
        raise ValueError("neither an object nor a list")
    return value
