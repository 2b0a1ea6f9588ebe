"""Bar, log and pictures of a run, at a cost per step that does not show."""

from collections.abc import Callable
from types import TracebackType

from core.progress import Progress, say
from core.run_folder import RunFolder
from core.scalars import ScalarLog
from training.task import Evaluation, StepReport

_SMOOTHING = 0.02  # of the loss shown: the latest fifty steps or so


class Reporter:
    """Tells people and files how a run is going.

    Args:
        folder: of the run.
        interval: steps between two lines of the log.
        step: the last step that was taken before.
        total: steps in all.

    Raises:
        UserError: the log cannot be written.
    """

    def __init__(self, folder: RunFolder, interval: int, step: int, total: int) -> None:
        self._log = ScalarLog(folder, step)
        self._progress = Progress(total, step)
        self._interval = interval
        self._loss: float | None = None

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)
        self._log.close()

    def wants(self, step: int) -> bool:
        """Whether the extra numbers of a step will be used."""
        return step % self._interval == 0 or step == 1

    def step(self, step: int, report: StepReport, elapsed: Callable[[], float]) -> None:
        """Take in a step.

        Args:
            step: its number.
            report: what it told.
            elapsed: gives the seconds of training so far.
        """
        self._loss = (
            report.loss if self._loss is None else self._loss + _SMOOTHING * (report.loss - self._loss)
        )
        self._progress.advance()
        if self.wants(step):
            self._progress.show({"loss": self._loss, **report.numbers})
            self._log.numbers(step, {"seconds": round(elapsed(), 3), "loss": self._loss, **report.numbers})

    def evaluation(self, step: int, evaluation: Evaluation) -> None:
        """Take in an evaluation."""
        if evaluation.numbers:
            told = ", ".join(f"{name} {value:.4g}" for name, value in evaluation.numbers.items())
            say(f"iteration {step}: held out: {told}")
            self._log.numbers(step, {f"test_{name}": value for name, value in evaluation.numbers.items()})
        for name, picture in evaluation.pictures.items():
            self._log.picture(step, name, picture)

    def restart(self, total: int, done: int) -> None:
        """The run has another length."""
        self._progress.restart(total, done)

    def rewind(self, total: int, done: int) -> None:
        """The run has gone back to an earlier step: what was logged after it is dropped."""
        self._progress.restart(total, done)
        self._log.rewind(done)
