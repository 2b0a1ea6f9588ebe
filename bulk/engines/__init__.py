"""Where attempts run: processes of this machine, a Ray cluster, or Slurm, behind one small protocol."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from bulk.orders import Outcome, WorkOrder


@runtime_checkable
class Engine(Protocol):
    """Runs orders, several at a time. Every order given to it comes back once, whatever happens to it."""

    @property
    def slots(self) -> int:
        """How many orders it takes at a time."""
        ...

    def submit(self, order: WorkOrder) -> None:
        """Begin an order. At most `slots` are under way."""
        ...

    def wait(self, seconds: float) -> Sequence[tuple[WorkOrder, Outcome]]:
        """Orders that have ended, as soon as there is one, or none after so many seconds."""
        ...

    def stop(self) -> None:
        """End all that is under way; what was being done can be continued. Returns when it has ended."""
        ...
