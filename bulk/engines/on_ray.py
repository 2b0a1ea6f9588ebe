"""The engine of a Ray cluster: one that exists, or one on this machine for as long as the command runs."""

import importlib
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bulk.orders import Device, Outcome, WorkOrder
from bulk.supervision import supervise
from core.environment import ROOT
from core.errors import UserError
from core.progress import say

_CONNECT_SECONDS = 5.0
_SLACK = 1e-6  # ten tenths of a GPU are one


class RayEngine:
    """Orders as tasks of Ray, which looks for a machine that has room. All machines must share the disk.

    A task whose machine is lost comes back as such; Ray itself repeats nothing, so that an order is given
    out once.

    Args:
        address: `auto`, HOST:PORT or ray://HOST:PORT of a cluster; None = one on this machine.
        max_workers: tasks at a time; None = as many as the cluster has room for.
        gpus: of each task, also a part of one; 0 = none.
        cpus: cores of each task.

    Raises:
        UserError: Ray is not installed, there is no cluster at the address, or the one on this machine has
            too little for a task.
    """

    def __init__(self, address: str | None, max_workers: int | None, gpus: float, cpus: float) -> None:
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise UserError("--engine ray needs Ray; install it with: pip install ray") from error
        self._connect(address)
        remote = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)
        self._task = remote(run_remotely)
        self._max_workers = max_workers
        self._needs = {"CPU": cpus, "GPU": gpus}
        self._running: dict[Any, WorkOrder] = {}
        self._check_room(own=address is None)

    def _connect(self, address: str | None) -> None:
        quiet = {"log_to_driver": False, "configure_logging": False}
        environment = {"PYTHONPATH": str(ROOT), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        if address is None:
            quiet["include_dashboard"] = False
        else:
            _check_reachable(address)
        try:
            self._ray.init(address=address or "local", runtime_env={"env_vars": environment}, **quiet)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise UserError(
                f"no Ray cluster answers at --ray-address {address} ({_first_line(error)}); start one with "
                "ray start --head, correct the address, or leave it out for one on this machine"
            ) from error

    @property
    def slots(self) -> int:
        """As many as the cluster has room for at this moment, and `max_workers` at the most."""
        room = room_for(self._needs, self._nodes())
        return max(1, room if self._max_workers is None else min(room, self._max_workers))

    def _nodes(self) -> list[Mapping[str, float]]:
        """What each machine of the cluster has."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _check_room(self, *, own: bool) -> None:
        """Tell of tasks that no machine has room for, as Ray itself would wait without a word.

        Args:
            own: whether the cluster is this machine, so that no other will come.

        Raises:
            UserError: it is.
        """
        if room_for(self._needs, self._nodes()):
            return
        needs = " and ".join(f"{need:g} {kind}" for kind, need in self._needs.items() if need)
        told = f"no machine of the Ray cluster has {needs}, as a job needs (--gpus-per-job, --cpus-per-job)"
        if own:
            self._ray.shutdown()
            raise UserError(f"{told}; ask for less, or name another cluster with --ray-address")
        say(f"{told}; jobs wait until one has")

    def submit(self, order: WorkOrder) -> None:
        """Begin an order wherever there is room."""
        self._running[self._task.remote(order.to_json())] = order

    def wait(self, seconds: float) -> Sequence[tuple[WorkOrder, Outcome]]:
        """Orders that have ended, well or with their machine."""
        if not self._running:
            threading.Event().wait(seconds)
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [(self._running.pop(task), self._outcome(task)) for task in ready]

    def stop(self) -> None:
        """End all tasks, and the cluster if it is ours."""
        for task in self._running:
            self._ray.cancel(task)
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running), timeout=60)
        self._ray.shutdown()

    def _outcome(self, task: Any) -> Outcome:
        errors = self._ray.exceptions
        try:
            return Outcome.from_json(self._ray.get(task))
        except errors.TaskCancelledError:
            return Outcome("stopped", reason="asked to stop")
        except errors.RayTaskError as error:
            return Outcome("error", reason=_first_line(error.cause or error))
        except errors.RayError as error:
            return Outcome("lost", reason=f"its machine or Ray's process on it ended ({_first_line(error)})")


def room_for(needs: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> int:
    """How many tasks fit at a time: each lies on one machine as a whole.

    Args:
        needs: of a task, by kind.
        nodes: what each machine has.
    """
    wanted = {kind: need for kind, need in needs.items() if need}
    if not wanted:
        return 1
    return sum(min(int(have.get(kind, 0) / wanted[kind] + _SLACK) for kind in wanted) for have in nodes)


def run_remotely(text: str) -> str:
    """What a task does: the order and the outcome as text."""
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES") or None
    order = replace(WorkOrder.from_json(text), device=Device(gpu=gpus))
    return supervise(order, threading.Event()).to_json()


def _check_reachable(address: str) -> None:
    """Ask at once, as Ray itself tries for minutes.

    Raises:
        UserError: nobody listens there.
    """
    host, _, port = address.removeprefix("ray://").partition(":")
    if not port.isdigit():
        if address != "auto":
            raise UserError(f"--ray-address {address}: auto, HOST:PORT or ray://HOST:PORT was expected")
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"no Ray cluster answers at --ray-address {address} ({error}); start one with ray start --head, "
            "correct the address, or leave it out for one on this machine"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
