"""The loop that trains every task: draws, guards, reports, evaluates, saves, resumes.

It never asks which method it holds. The state of a run is one file, `checkpoints/last.pt`, replaced as a
whole.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from core.errors import UserError
from core.files import remove_stale_parts, write_json
from core.memory import peak_bytes
from core.progress import say
from core.run_folder import RunFolder
from core.serialization import load_state, save_state
from training.pacing import Pacer
from training.reporter import Reporter
from training.spectator import Spectator
from training.stop_signals import StopSignals
from training.task import Evaluation, NonFiniteLossError, Stepper, Task

FAILURES_ALLOWED = 2
"""Non-finite losses that a run survives; the next one ends it."""


@dataclass(frozen=True)
class LoopConfig:
    """When a run reports, evaluates and saves. Nothing here changes the result."""

    test_iterations: tuple[int, ...] = (7_000, 30_000)
    """Steps after which the held-out data are scored; they are at the end in any case."""
    save_iterations: tuple[int, ...] = (7_000, 30_000)
    """Steps after which Gaussians or weights are written; they are at the end in any case."""
    checkpoint_seconds: float = 60.0
    """Time between two checkpoints: what a crash costs at the most."""
    log_interval: int = 100
    """Steps between two lines of the log."""

    def __post_init__(self) -> None:
        if self.log_interval < 1:
            raise ValueError(f"log_interval: at least 1 was expected, got {self.log_interval}")
        if not self.checkpoint_seconds >= 0:
            raise ValueError(
                f"checkpoint_seconds: a time from 0 on was expected, got {self.checkpoint_seconds}"
            )


@dataclass
class LoopState:
    """What the loop itself must remember.

    Args:
        step: the last one taken.
        seconds: time spent in steps, saving and evaluating, over all processes.
        failures: non-finite losses so far.
        skipped: steps whose data made the loss non-finite.
        learning_rate_scale: halved at every failure.
        peak_memory_bytes: resident memory at its highest, over all processes; 0 where it cannot be known.
    """

    step: int = 0
    seconds: float = 0.0
    failures: int = 0
    skipped: list[int] = field(default_factory=list)
    learning_rate_scale: float = 1.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True)
class FitResult:
    """How a run ended.

    Args:
        iterations: steps taken in all.
        seconds: from the first step to the last checkpoint, over all processes, pauses left out.
        stopped_by: the signal that stopped it early.
        evaluation: scores of the final state; None if it was stopped.
    """

    iterations: int
    seconds: float
    stopped_by: signal.Signals | None
    evaluation: Evaluation | None


def fit(
    task: Task[Any],
    folder: RunFolder,
    config: LoopConfig,
    *,
    save: Callable[[int], None],
    pacer: Pacer | None = None,
    on_evaluation: Callable[[int, Evaluation], None] = lambda *_: None,
    spectator: Spectator | None = None,
    agree: Callable[[signal.Signals | None], signal.Signals | None] = lambda received: received,
) -> FitResult:
    """Train a task to the end of its schedule, from its last checkpoint if there is one.

    Args:
        task: the method.
        folder: of the run; must exist.
        config: when to report, evaluate and save.
        save: writes the task's results for an iteration.
        pacer: shortens the run to fit a time.
        on_evaluation: told of each evaluation and its iteration, the last one's after its results are saved.
        spectator: looks on between steps, and may hold them up.
        agree: makes of the signal that this process received what all that share the training stop by; asked
            after every step.

    Raises:
        UserError: a file cannot be written, the checkpoint is damaged, or the loss keeps being non-finite.
    """
    return _Loop(task, folder, config, save, pacer, on_evaluation, spectator, agree).run()


class _Loop:
    def __init__(
        self,
        task: Task[Any],
        folder: RunFolder,
        config: LoopConfig,
        save: Callable[[int], None],
        pacer: Pacer | None,
        on_evaluation: Callable[[int, Evaluation], None],
        spectator: Spectator | None,
        agree: Callable[[signal.Signals | None], signal.Signals | None],
    ) -> None:
        self.task = task
        self.folder = folder
        self.config = config
        self.save = save
        self.pacer = pacer
        self.on_evaluation = on_evaluation
        self.spectator = spectator
        self.agree = agree
        self.stopped_by: signal.Signals | None = None
        self.state = LoopState()
        self.started = self.checkpointed = time.perf_counter()
        self.planned = (0, 0.0)

    def run(self) -> FitResult:
        remove_stale_parts(self.folder.path)
        if self.folder.checkpoint.exists():
            self._restore()
            say(f"continuing from iteration {self.state.step} of {self.task.schedule.iterations}")
            if self.pacer is not None:
                self.pacer.resume(self.state.seconds)
        else:
            self._checkpoint()
            self.state.seconds = 0.0
        self.checkpointed = time.perf_counter()
        self.started = self.checkpointed - self.state.seconds
        self.planned = (self.state.step, self.state.seconds)
        total = self.task.schedule.iterations
        with (
            Reporter(self.folder, self.config.log_interval, self.state.step, total) as reporter,
            StopSignals() as stop,
        ):
            self._let_look(stop)
            self.stopped_by = self.agree(stop.received)  # who was held up may have been told to leave
            while self.state.step < self.task.schedule.iterations and self.stopped_by is None:
                self._train_until_interrupted(reporter, stop)
            if self.state.step >= self.task.schedule.iterations:
                return self._finish(reporter)
        self._checkpoint()
        return FitResult(self.state.step, self.state.seconds, self.stopped_by, None)

    def _train_until_interrupted(self, reporter: Reporter, stop: StopSignals) -> None:
        """Take steps until the end, a signal, or a failure, after which data are drawn anew."""
        batches = self.task.batches(self.state.step + 1)
        while self.state.step < self.task.schedule.iterations and self.stopped_by is None:
            step = self.state.step + 1
            batch = next(batches)
            if step not in self.state.skipped:
                stepper = Stepper(self.state.learning_rate_scale, reporter.wants(step))
                try:
                    report = self.task.step(step, batch, stepper)
                except NonFiniteLossError as error:
                    self._roll_back(step, error)
                    reporter.rewind(self.task.schedule.iterations, self.state.step)
                    return
                reporter.step(step, report, self._elapsed)
            self.state.step = step
            self._between_steps(reporter)
            self._let_look(stop)
            self.stopped_by = self.agree(stop.received)

    def _between_steps(self, reporter: Reporter) -> None:
        step, last = self.state.step, self.task.schedule.iterations
        if self.pacer is not None:
            self._replan(self.pacer, reporter)
        if step in self.config.test_iterations and step < last:
            self._evaluate(reporter)
        if step in self.config.save_iterations and step < last:
            self.save(step)
        if time.perf_counter() - self.checkpointed >= self.config.checkpoint_seconds and step < last:
            self._checkpoint()

    def _let_look(self, stop: StopSignals) -> None:
        """Let the spectator look, for as long as it holds the training up, which is no time of training."""
        if self.spectator is None:
            return
        began, has_waited = time.perf_counter(), False
        while self.spectator.between_steps(self.state.step, self.task) and stop.received is None:
            has_waited = True
        if has_waited:
            self.started += time.perf_counter() - began

    def _finish(self, reporter: Reporter) -> FitResult:
        # Results first: a checkpoint at the last step then says that they are there.
        if self.state.step not in self._saved_iterations():
            self.save(self.state.step)
            self._checkpoint()
            write_json(
                self.folder.timing,
                {
                    "iterations": self.state.step,
                    "training_seconds": self.state.seconds,
                    "peak_memory_bytes": self.state.peak_memory_bytes or None,
                    "knots": self.task.schedule.knots,
                },
            )
        return FitResult(self.state.step, self.state.seconds, None, self._evaluate(reporter))

    def _evaluate(self, reporter: Reporter) -> Evaluation:
        evaluation = self.task.evaluate()
        reporter.evaluation(self.state.step, evaluation)
        self.on_evaluation(self.state.step, evaluation)
        return evaluation

    def _saved_iterations(self) -> list[int]:
        return self.folder.iterations() if self.folder.timing.exists() else []

    def _elapsed(self) -> float:
        return time.perf_counter() - self.started

    def _replan(self, pacer: Pacer, reporter: Reporter) -> None:
        step, elapsed = self.state.step, self._elapsed()
        planned_step, planned_at = self.planned
        schedule = pacer.replan(
            self.task.schedule, step, elapsed, (elapsed - planned_at) / max(1, step - planned_step)
        )
        if schedule is not self.task.schedule:
            self.task.schedule = schedule
            self.planned = (step, elapsed)
            reporter.restart(schedule.iterations, step)

    def _roll_back(self, step: int, error: NonFiniteLossError) -> None:
        failed = self.state
        if failed.failures >= FAILURES_ALLOWED:
            raise UserError(
                f"{error} at iteration {step}, for the {failed.failures + 1}rd time, although learning rates "
                "were halved each time; look for broken data in the source, or choose lower learning rates, "
                "which --help names"
            )
        self._restore()
        self.planned = (self.state.step, self._elapsed())  # the steps since then are to be taken again
        self.state.failures = failed.failures + 1
        self.state.skipped = [*failed.skipped, step]
        self.state.learning_rate_scale = failed.learning_rate_scale / 2
        # What was learned must not be lost with the process: another one would fail once more, not at half
        # the rates.
        self._checkpoint()
        say(
            f"{error} at iteration {step}: back to iteration {self.state.step}, that batch is skipped and "
            "learning rates are halved"
        )

    def _checkpoint(self) -> None:
        self.state.seconds = self._elapsed()
        self.state.peak_memory_bytes = max(self.state.peak_memory_bytes, peak_bytes() or 0)
        save_state(self.folder.checkpoint, {"loop": asdict(self.state), "task": self.task.state_dict()})
        self.checkpointed = time.perf_counter()
        self.state.seconds = self._elapsed()

    def _restore(self) -> None:
        saved = load_state(self.folder.checkpoint)
        try:
            self.state = LoopState(**saved["loop"])
            self.task.load_state_dict(saved["task"])
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{self.folder.checkpoint} is no checkpoint of this program ({error}); "
                f"remove {self.folder.path} to start this run anew"
            ) from error
