"""How long each stage of a run on a driving log took, and how much memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder

STAGES = ("static", "dynamic")

_GB = 1e9


@dataclass(frozen=True)
class StagePace:
    """One stage.

    Args:
        name: static or dynamic.
        iterations: steps taken.
        seconds: from the first to the last, pauses left out.
        peak_memory_bytes: resident memory of the process at its highest; None where nobody measured it.
    """

    name: str
    iterations: int
    seconds: float
    peak_memory_bytes: int | None

    @property
    def iterations_per_s(self) -> float:
        """Steps a second."""
        return self.iterations / max(self.seconds, 1e-9)


def stage_folders(path: Path) -> dict[str, RunFolder]:
    """Where the stages of a run keep what they have learned, by name; those that were begun."""
    folders = dict(zip(STAGES, (RunFolder(path / "static"), RunFolder(path)), strict=True))
    return {name: folder for name, folder in folders.items() if folder.log.exists() or folder.iterations()}


def stage_paces(path: Path) -> list[StagePace]:
    """The stages of a run that have ended, in their order.

    Raises:
        UserError: a file is damaged.
    """
    found = []
    for name, folder in stage_folders(path).items():
        if not folder.timing.is_file():
            continue
        timing = read_json(folder.timing)
        try:
            peak = timing.get("peak_memory_bytes")
            found.append(StagePace(name, int(timing["iterations"]), float(timing["training_seconds"]), peak))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{folder.timing} is damaged ({error!r}); restore it or train anew") from error
    return found


def pace_numbers(paces: Sequence[StagePace]) -> Mapping[str, float]:
    """The stages as numbers of a table: see `evaluation.street_table`."""
    numbers: dict[str, float] = {}
    if not paces:
        return numbers
    numbers["seconds"] = sum(pace.seconds for pace in paces)
    for pace in paces:
        numbers[f"{pace.name}_iterations_per_s"] = pace.iterations_per_s
    peaks = {pace.name: pace.peak_memory_bytes for pace in paces if pace.peak_memory_bytes is not None}
    for name, peak in peaks.items():
        numbers[f"{name}_memory_gb"] = peak / _GB
    if len(peaks) == len(paces):
        numbers["memory_gb"] = max(peaks.values()) / _GB
    return numbers
