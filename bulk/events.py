"""What happened during a command, one JSON object a line."""

import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bulk.states import HOME
from core.files import explain, make_folder


class EventLog:
    """The log of this command, in a file of its own, as several machines may run the command.

    Every line has `time` in seconds since 1970, `event`, and what belongs to it.

    Args:
        root: the folder of the data set.

    Raises:
        UserError: the log cannot be written.
    """

    def __init__(self, root: Path) -> None:
        folder = make_folder(root / HOME / "events")
        moment = time.strftime("%Y%m%d-%H%M%S")
        self.path = folder / f"{moment}-{platform.node()}-{os.getpid()}.jsonl"

    def add(self, event: str, **facts: Any) -> None:
        """Write a line.

        Raises:
            UserError: it cannot be written.
        """
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts})
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise explain(error, self.path) from error


def read_events(root: Path) -> Iterator[dict[str, Any]]:
    """All events of all commands, file by file. A line cut off by a crash is left out.

    Raises:
        UserError: a log cannot be read.
    """
    for path in sorted((root / HOME / "events").glob("*.jsonl")):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise explain(error, path, "read") from error
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:  # only the last line of a killed process can be cut off
                continue
