"""Devices of this machine that are free: GPUs by NVML, or shares of the cores."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import IO

import pynvml

from bulk.orders import Device
from core import environment
from core.progress import say

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

_IDLE_SHARE = 0.1  # of memory and of time, below which nobody uses a GPU
_CORES_OF_A_WORKER = 2


@dataclass(frozen=True)
class Gpu:
    """A GPU of this machine.

    Args:
        index: as nvidia-smi numbers them.
        uuid: its name for CUDA, the same in every process.
        memory_share: in use, 0 to 1.
        busy_share: of the time, 0 to 1.
    """

    index: int
    uuid: str
    memory_share: float
    busy_share: float

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses it."""
        return self.memory_share < _IDLE_SHARE and self.busy_share < _IDLE_SHARE


def gpus() -> list[Gpu]:
    """The GPUs of this machine; none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def visible(found: Sequence[Gpu]) -> list[Gpu]:
    """Those GPUs that CUDA_VISIBLE_DEVICES names by number or UUID; all where it is not set."""
    value = os.environ.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return list(found)
    words = [word.strip() for word in value.split(",")]
    return [gpu for gpu in found if any(word in (str(gpu.index), gpu.uuid) for word in words)]


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    busy = 0.0
    with suppress(pynvml.NVMLError):  # cut into parts, it does not say
        busy = float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    return Gpu(index, str(pynvml.nvmlDeviceGetUUID(handle)), int(memory.used) / int(memory.total), busy)


def core_devices(workers: int | None, cores: Sequence[int]) -> list[Device]:
    """Shares of the cores, as equal as they can be.

    Args:
        workers: how many; None = one for each two cores. More than cores share them one by one.
        cores: that may be used, ascending.
    """
    count = max(1, len(cores) // _CORES_OF_A_WORKER) if workers is None else workers
    if count >= len(cores):
        return [Device(cores=(cores[index % len(cores)],), threads=1) for index in range(count)]
    bounds = [round(index * len(cores) / count) for index in range(count + 1)]
    shares = [tuple(cores[low:high]) for low, high in pairwise(bounds)]
    return [Device(cores=share, threads=len(share)) for share in shares]


def usable_cores() -> list[int]:
    """The cores that this process may use, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(environment.cores()))


@contextmanager
def reserved(
    max_workers: int | None, excluded: Sequence[int], jobs_per_gpu: int
) -> Iterator[Sequence[Device]]:
    """Shares of the cores, and with the first of them idle GPUs that no other command takes meanwhile.

    Stages may do without a GPU, so none is waited for.

    Args:
        max_workers: devices; None = one for each idle GPU, or each two cores where there is none.
        excluded: GPUs to leave alone, as nvidia-smi numbers them.
        jobs_per_gpu: how often each GPU is among the devices.
    """
    found = visible(gpus())
    locks: list[IO[str]] = []
    try:
        taken: list[str] = []
        for gpu in found:
            if gpu.is_idle and gpu.index not in excluded and (lock := _lock(gpu.uuid)) is not None:
                locks.append(lock)
                taken.append(gpu.uuid)
        if found and not taken:
            say(
                f"none of the {len(found)} GPUs is idle, not excluded and not reserved by another command: "
                "cores are taken"
            )
        places = taken * jobs_per_gpu
        shares = core_devices(max_workers or len(places) or None, usable_cores())
        nothing = "" if found else None  # GPUs that are not ours are hidden
        names = chain(places, repeat(nothing))
        yield [replace(share, gpu=name) for share, name in zip(shares, names, strict=False)]
    finally:
        for lock in locks:
            lock.close()


def _lock(uuid: str) -> IO[str] | None:
    """A lock that ends with the process; None where another process has it."""
    user = os.getuid() if hasattr(os, "getuid") else ""
    path = Path(tempfile.gettempdir()) / f"splatworks-{user}-{uuid}.lock"
    file = path.open("a", encoding="utf-8")
    if fcntl is None:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
