"""One who looks on while a run trains, and may hold it up."""

from typing import Any, Protocol, runtime_checkable

from training.task import Task


@runtime_checkable
class Spectator(Protocol):
    """Is let in between two steps, when nothing of the task changes.

    It may draw what has been learned so far. It must change neither the task nor the state of a generator of
    random numbers: a run ends with the same bits whether or not somebody looks on.
    """

    def between_steps(self, step: int, task: Task[Any]) -> bool:
        """Look at the task.

        Args:
            step: the last one taken; 0 before the first.
            task: as it is after that step.

        Returns:
            Whether the training has to wait: then this is called again before the next step, unless a signal
            ends the run. So a spectator that waits for a wish returns within a tenth of a second.
        """
        ...
