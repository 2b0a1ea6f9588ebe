"""The engine of one machine: a worker on each idle GPU, or on a share of the cores."""

import queue
import threading
from collections.abc import Sequence
from dataclasses import replace

from bulk.orders import Device, Outcome, WorkOrder
from bulk.supervision import supervise


class LocalEngine:
    """Orders on the devices of this machine, each watched by a thread.

    Args:
        devices: one for each order at a time; the same one several times takes several.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = list(devices)
        self._free = list(reversed(devices))
        self._ended: queue.SimpleQueue[tuple[WorkOrder, Outcome]] = queue.SimpleQueue()
        self._threads: set[threading.Thread] = set()
        self._stop = threading.Event()

    @property
    def slots(self) -> int:
        """As many as there are devices."""
        return len(self._devices)

    def submit(self, order: WorkOrder) -> None:
        """Begin an order on a device that is free."""
        placed = replace(order, device=self._free.pop())
        thread = threading.Thread(target=self._run, args=(placed,), name=order.job.key)
        self._threads.add(thread)
        thread.start()

    def wait(self, seconds: float) -> Sequence[tuple[WorkOrder, Outcome]]:
        """Orders that have ended."""
        ended: list[tuple[WorkOrder, Outcome]] = []
        try:
            ended.append(self._ended.get(timeout=max(seconds, 0.001)))
            while True:
                ended.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        self._free += [order.device for order, _ in ended]
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        return ended

    def stop(self) -> None:
        """End all workers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, order: WorkOrder) -> None:
        outcome = Outcome("lost", reason="its worker could not be begun")
        try:
            outcome = supervise(order, self._stop)
        except Exception as error:
            outcome = Outcome("error", reason=f"{type(error).__name__}: {error}")
        finally:
            self._ended.put((order, outcome))
