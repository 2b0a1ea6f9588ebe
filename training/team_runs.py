"""Trainings that several processes share: one folder, one voice."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.distributed import Team
from core.progress import say
from core.run_folder import RunFolder
from training.loop import FitResult, LoopConfig, fit
from training.runs import is_same_run, start_run
from training.task import Evaluation, Task


def fit_as_team(
    task: Task[Any],
    folder: RunFolder,
    identity: Mapping[str, Any],
    loop: LoopConfig,
    team: Team,
    *,
    save: Callable[[RunFolder, int], None],
    on_evaluation: Callable[[RunFolder, int, Evaluation], None] = lambda *_: None,
) -> FitResult:
    """Train a task in a folder that all processes share, or go on training it.

    Args:
        task: the method; each process holds its own.
        folder: of the run; made if it is not there.
        identity: what its `config.json` holds.
        loop: when to report, evaluate and save.
        team: the processes.
        save: writes the task's results for an iteration into a process's folder.
        on_evaluation: told of each evaluation, likewise.

    Raises:
        UserError: the folder holds another run, a file cannot be written, or the loss keeps being non-finite.
    """
    goes_on = is_same_run(folder, identity)
    team.wait()  # nobody looks into the folder any more
    if team.leads and not goes_on:
        start_run(folder, identity)
    with _own_folder(folder, team) as own:
        if not own.checkpoint.exists():
            say(f"before the training: {told(task.evaluate())}")

        result = fit(
            task,
            own,
            loop,
            save=lambda step: save(own, step),
            on_evaluation=lambda step, evaluation: on_evaluation(own, step, evaluation),
            agree=lambda received: _agreed(received, team),
        )
    if result.evaluation is not None:
        say(f"after {result.iterations} steps: {told(result.evaluation)}")
    return result


@contextlib.contextmanager
def _own_folder(folder: RunFolder, team: Team) -> Iterator[RunFolder]:
    """Where a process keeps its run: all but the first write into a folder that is thrown away."""
    if team.leads:
        team.wait()  # the others have copied the checkpoint
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        own = RunFolder(Path(temporary))
        if folder.checkpoint.exists():
            own.checkpoint.parent.mkdir(parents=True)
            shutil.copyfile(folder.checkpoint, own.checkpoint)
        team.wait()
        yield own


def _agreed(received: signal.Signals | None, team: Team) -> signal.Signals | None:
    """A signal that any of the processes received: they leave together, or the others wait for ever."""
    largest = team.largest(0 if received is None else received)
    return signal.Signals(largest) if largest else None


def told(evaluation: Evaluation) -> str:
    """An evaluation in one line."""
    return (
        ", ".join(f"{name} {value:.4g}" for name, value in evaluation.numbers.items()) or "nothing to score"
    )
