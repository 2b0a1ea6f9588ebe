"""The signs of life of a worker, and its end when nobody waits for it any more."""

import os
import signal
import threading
from types import TracebackType

from bulk.leases import Lease
from bulk.orders import WorkLimits


class Heartbeat:
    """While open, a thread keeps a lease alive.

    It ends the process and all that it started at once if the lease was lost, as another process is doing the
    same job then; and some seconds after the process that had started this one ended without ending it.

    Args:
        lease: to be kept.
        limits: how often, and how many seconds.
    """

    def __init__(self, lease: Lease, limits: WorkLimits) -> None:
        self._lease = lease
        self._limits = limits
        self._parent = os.getppid()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._closed.wait(self._limits.beat_seconds):
            if not self._lease.beat():
                end_group()
            if os.getppid() != self._parent:
                if not self._closed.wait(self._limits.grace_seconds):
                    end_group()
                return


def end_group() -> None:
    """End this process and all that it started, by force. It must lead its group."""
    os.killpg(os.getpid(), signal.SIGKILL)
