"""Frames made by several processes, in order; one that asks for a single worker stays in its own process."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import TypeVar

import cv2

from core.errors import UserError
from data.synthetic.market_square import market_square
from data.synthetic.stage import Quality, Stage
from data.synthetic.traffic import busy_square

ResultT = TypeVar("ResultT")


@lru_cache(maxsize=1)
def stage_of(seed: int, traffic: bool, quality: Quality) -> Stage:
    """The stage of a seed, made once in each process: textures and shadows take seconds."""
    return Stage(busy_square(seed) if traffic else market_square(seed), quality)


def each(
    function: Callable[[int], ResultT], count: int, workers: int, run_length: int = 1
) -> Iterator[ResultT]:
    """function(0), function(1), ..., in this order whatever the number of workers.

    Args:
        function: for more than one worker it is pickled: a bound method of a plain dataclass will do.
        count: how many calls.
        workers: processes; 0 means one for each processor this process may use.
        run_length: how many neighbours a process takes at a time.

    Raises:
        UserError: a process was killed.
    """
    processes = min(workers or _processors(), count)
    if processes <= 1:
        yield from map(function, range(count))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start) as executor:
        try:
            yield from executor.map(function, range(count), chunksize=run_length)
        except BrokenProcessPool as error:
            raise UserError(
                f"one of {processes} processes was killed, as happens when memory runs out; "
                "choose fewer with --workers"
            ) from error
        finally:
            executor.shutdown(cancel_futures=True)


def _start() -> None:
    cv2.setNumThreads(1)  # the processes share the processors already
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of them; the one that waits deals with it


def _processors() -> int:
    # Containers often may use fewer processors than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
