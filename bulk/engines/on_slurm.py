"""The engine of a Slurm cluster: arrays of jobs, submitted and watched by submitit."""

import importlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulk.orders import Outcome, WorkOrder
from bulk.supervision import supervise
from core.errors import UserError

_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class SlurmOptions:
    """What is asked of Slurm; only for `--engine slurm`."""

    slurm_partition: str | None = None
    """Where to queue; the cluster's default if not given."""
    slurm_minutes: int = 720
    """Time limit of a job."""
    slurm_settings: tuple[str, ...] = ()
    """Further settings of sbatch, as NAME=VALUE with underscores, such as account=vision mem=32G."""
    slurm_local: bool = False
    """Run the jobs on this machine, without Slurm, to try a command out."""


class SlurmEngine:
    """Orders as jobs of Slurm; those that begin together are one array. All machines must share the disk.

    A job that is preempted is queued again by submitit, and goes on where it was.

    Args:
        folder: for scripts, logs and answers of jobs.
        workers: jobs at a time.
        gpus: of each job.
        cpus: cores of each job.
        options: what else is asked.

    Raises:
        UserError: submitit is not installed, there is no Slurm, or a setting is malformed.
    """

    def __init__(self, folder: Path, workers: int, gpus: int, cpus: int, options: SlurmOptions) -> None:
        try:
            self._submitit: Any = importlib.import_module("submitit")
        except ImportError as error:
            raise UserError("--engine slurm needs submitit; install it with: pip install submitit") from error
        self.slots = workers
        try:
            cluster = "local" if options.slurm_local else "slurm"
            self._executor = self._submitit.AutoExecutor(folder=folder, cluster=cluster)
        except RuntimeError as error:
            raise UserError(
                f"--engine slurm: {error}; start the command on a machine that has sbatch, or choose "
                "another --engine"
            ) from error
        self._executor.update_parameters(
            name="splatworks",
            timeout_min=options.slurm_minutes,
            cpus_per_task=cpus,
            gpus_per_node=gpus,
            slurm_array_parallelism=workers,
            slurm_additional_parameters=_settings(options),
            **({"slurm_partition": options.slurm_partition} if options.slurm_partition else {}),
        )
        self._waiting: list[WorkOrder] = []
        self._running: list[tuple[WorkOrder, Any]] = []

    def submit(self, order: WorkOrder) -> None:
        """Put an order into the array that begins with the next `wait`."""
        self._waiting.append(order)

    def wait(self, seconds: float) -> Sequence[tuple[WorkOrder, Outcome]]:
        """Orders that have ended.

        Raises:
            UserError: Slurm does not take new ones.
        """
        self._send()
        until = time.monotonic() + seconds
        while True:
            ended = [(order, job) for order, job in self._running if job.done()]
            left = until - time.monotonic()
            if ended or left <= 0:
                break
            time.sleep(min(left, _LOOK_SECONDS))
        self._running = [pair for pair in self._running if pair not in ended]
        return [(order, self._outcome(job)) for order, job in ended]

    def stop(self) -> None:
        """Cancel all jobs."""
        for _, job in self._running:
            job.cancel()
        for _, job in self._running:
            while not job.done():
                time.sleep(0.1)
        self._running, self._waiting = [], []

    def _send(self) -> None:
        if not self._waiting:
            return
        try:
            with self._executor.batch():
                jobs = [self._executor.submit(Attempt(), order.to_json()) for order in self._waiting]
        except self._submitit.core.utils.FailedJobError as error:
            raise UserError(
                f"Slurm did not take {len(self._waiting)} jobs ({_last_line(error)}); correct "
                "--slurm-partition, --slurm-minutes or --slurm-settings, and repeat the command"
            ) from error
        self._running += zip(self._waiting, jobs, strict=True)
        self._waiting = []

    def _outcome(self, job: Any) -> Outcome:
        errors = self._submitit.core.utils
        try:
            return Outcome.from_json(job.result())
        except errors.FailedJobError as error:  # an exception in it, which comes again wherever it is done
            return Outcome("error", reason=_last_line(error))
        except errors.UncompletedJobError as error:
            return Outcome("lost", reason=f"its job ended without an answer ({_last_line(error)})")


class Attempt:
    """What a job of Slurm does: the order and the outcome as text."""

    def __call__(self, text: str) -> str:
        """Do it."""
        return supervise(WorkOrder.from_json(text), threading.Event()).to_json()

    def checkpoint(self, text: str) -> Any:
        """The same again, after the job was preempted or came to its time limit."""
        return importlib.import_module("submitit").helpers.DelayedSubmission(self, text)


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _settings(options: SlurmOptions) -> Mapping[str, str]:
    pairs = [setting.partition("=") for setting in options.slurm_settings]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise UserError(f"--slurm-settings {name}: NAME=VALUE was expected, such as account=vision")
    return {name: value for name, _, value in pairs}
