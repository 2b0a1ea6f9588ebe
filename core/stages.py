"""Runs of several stages: what is done is not done again, unless what it was made from has changed.

A stage leaves `stages/NAME.json` in its folder: a digest of its inputs, whether it has ended, what it took.
Digests of stages are inputs of the stages that follow, so that a change is passed on.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import explain, read_json, sha256_of, write_json
from core.memory import peak_bytes, peak_bytes_of_children
from core.progress import say
from core.run_folder import STAGES


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Args:
        folder: of the run.
        name: of the stage; a file name.
        inputs: all that its result depends on, as JSON values.
        outputs: files or folders that must be there for it to count as done.
    """

    folder: Path
    name: str
    inputs: Mapping[str, Any]
    outputs: tuple[Path, ...] = ()

    @property
    def marker(self) -> Path:
        """The file that says how far the stage is."""
        return self.folder / STAGES / f"{self.name}.json"

    @property
    def digest(self) -> str:
        """Of the inputs: the input that later stages take."""
        return _digest(json.dumps(self.inputs, sort_keys=True).encode())

    def is_done(self) -> bool:
        """Whether it has ended, with these inputs, and its outputs are still there.

        Raises:
            UserError: the marker is broken.
        """
        stored = self.stored()
        same = stored.get("digest") == self.digest and stored.get("state") == "done"
        return same and all(output.exists() for output in self.outputs)

    def stored(self) -> dict[str, Any]:
        """What the marker holds; empty where the stage has not begun.

        Raises:
            UserError: the marker is broken.
        """
        value = read_json(self.marker) if self.marker.exists() else {}
        if not isinstance(value, dict) or not isinstance(value.get("inputs", {}), dict):
            raise UserError(f"{self.marker} does not describe a stage; remove it to do the stage anew")
        return value


def run_stage(stage: Stage, work: Callable[[], object], clean: Callable[[], object] = lambda: None) -> bool:
    """Do a stage, or go on with it, unless it is done.

    Args:
        stage: which.
        work: does it, and goes on where it was stopped; False says that it was stopped again. The marker
            says how long it took and what it held, over all processes that came to its end or a stop.
        clean: removes what the stage made from other inputs, before `work`.

    Returns:
        Whether the stage is done now.

    Raises:
        UserError: the marker is broken or cannot be written, or what `work` and `clean` raise.
    """
    if stage.is_done():
        say(f"{stage.name}: done before, from the same inputs")
        return True
    stored = stage.stored()
    spent = _Spent.of(stored) if stored.get("digest") == stage.digest else _Spent()
    if stored and stored.get("digest") != stage.digest:
        before = stored.get("inputs", stage.inputs)  # none where a clean-up was cut short
        changed = [key for key in stage.inputs if before.get(key) != stage.inputs[key]]
        say(f"{stage.name}: done anew, as {', '.join(changed) or 'what it is made from'} changed")
        # Of no inputs until it is clean: whoever comes after a kill cleans up too, whatever its inputs are.
        write_json(stage.marker, {"state": "begun"})
        clean()
    record = {"digest": stage.digest, "inputs": dict(stage.inputs)}
    write_json(stage.marker, {"state": "begun", **spent.told, **record})
    spent.begin()
    is_done = work() is not False
    spent.end()
    write_json(stage.marker, {"state": "done" if is_done else "begun", **spent.told, **record})
    return is_done


def stored_stages(folder: Path) -> dict[str, dict[str, Any]]:
    """What the stages of a run have written down, by their names.

    Raises:
        UserError: a marker is broken.
    """
    markers = sorted((folder / STAGES).glob("*.json"))
    return {marker.stem: Stage(folder, marker.stem, {}).stored() for marker in markers}


@dataclass
class _Spent:
    """What a stage has taken, over all processes that worked on it.

    Args:
        seconds: pauses left out.
        peak_memory_bytes: at most so much was held at once: by the process since it began, and by the largest
            that it started for this stage. 0 where it cannot be known.
    """

    seconds: float = 0.0
    peak_memory_bytes: int = 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "_Spent":
        return cls(stored.get("seconds", 0.0), stored.get("peak_memory_bytes") or 0)

    @property
    def told(self) -> dict[str, float | int | None]:
        return {"seconds": self.seconds, "peak_memory_bytes": self.peak_memory_bytes or None}

    def begin(self) -> None:
        self._started, self._children = time.perf_counter(), peak_bytes_of_children() or 0

    def end(self) -> None:
        self.seconds += time.perf_counter() - self._started
        children = peak_bytes_of_children() or 0
        grown = children if children > self._children else 0  # else the largest was another stage's
        self.peak_memory_bytes = max(self.peak_memory_bytes, (peak_bytes() or 0) + grown)


def content_digest(files: Iterable[Path]) -> str:
    """A digest of the names and contents of files in their order. It does not depend on where they are.

    Folders are not taken, so that a caller says which of their files matter: a run may lie among them.

    Raises:
        UserError: a file cannot be read.
    """
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name}\0{sha256_of(file)}\0".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def file_stamps(files: Iterable[Path]) -> list[list[str | int]]:
    """Path, bytes and time of change in ns of files that are too large to be read each time.

    Raises:
        UserError: a file cannot be looked at.
    """
    stamps: list[list[str | int]] = []
    for file in files:
        try:
            found = file.stat()
        except OSError as error:
            raise explain(error, file, "read") from error
        stamps.append([str(file.absolute()), found.st_size, found.st_mtime_ns])
    return stamps


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
