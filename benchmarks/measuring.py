"""Repeats, medians, the machine they were taken on, and another command timed in turn with ours."""

import json
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import splat_kernels
import torch

from core import environment
from core.errors import UserError

WARM_UPS = 8


@dataclass(frozen=True)
class Timing:
    """Milliseconds over repeats."""

    median: float
    minimum: float
    low: float
    """A tenth of the repeats is below it."""
    high: float
    """A tenth of the repeats is above it."""
    repeats: int

    @staticmethod
    def of(milliseconds: list[float]) -> "Timing":
        """Of single measurements."""
        ordered = sorted(milliseconds)
        tenth = len(ordered) // 10
        return Timing(
            statistics.median(ordered), ordered[0], ordered[tenth], ordered[-1 - tenth], len(ordered)
        )

    def __str__(self) -> str:
        spread = f"best {self.minimum:.2f}, 10-90 %: {self.low:.2f}-{self.high:.2f}"
        return f"{self.median:7.2f} ms ({spread}, n={self.repeats})"


def repeat(function: Callable[[], object], repeats: int, warm_ups: int = WARM_UPS) -> list[float]:
    """Milliseconds of each of `repeats` calls, after the warm-ups."""
    for _ in range(warm_ups):
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def milliseconds_printed_by(command: list[str], pattern: str) -> float:
    """Runs a command and reads a number of milliseconds from what it prints.

    Raises:
        UserError: the command fails, or prints nothing that the pattern's first group matches.
    """
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"--against: {' '.join(command)} did not run: {error}") from error
    found = re.search(pattern, finished.stdout)
    if found is None:
        raise UserError(
            f"--against: {pattern!r} matches nothing of what {' '.join(command)} printed: "
            f"{finished.stdout[:200]!r}"
        )
    return float(found[1])


def write_result(path: Path | None, figures: dict[str, Any]) -> None:
    """The figures as JSON, with the command and the machine, if a path is given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kernels = {"level": splat_kernels.level(), "threads": torch.get_num_threads()}
        path.write_text(
            json.dumps({"environment": {**environment.describe(), **kernels}, **figures}, indent=2) + "\n"
        )
