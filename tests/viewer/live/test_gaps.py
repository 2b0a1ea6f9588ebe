"""Work of other threads is done between steps, by the training's thread, within its share of the time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from core.errors import UserError
from viewer.live.gaps import Gaps

SHARE = 0.1


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def asked(pool: ThreadPoolExecutor, gaps: Gaps, work: Callable[[], Any]) -> Future[Any]:
    """Work that another thread has asked for, and waits for by now."""
    before = gaps._waiting.qsize()
    future = pool.submit(gaps.do, work)
    deadline = time.monotonic() + 20
    while gaps._waiting.qsize() == before:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return future


def test_work_is_done_by_the_thread_that_trains() -> None:
    clock = Clock()
    gaps = Gaps(SHARE, clock)
    with ThreadPoolExecutor(1) as pool:
        future = asked(pool, gaps, threading.get_ident)
        clock.pass_by(1.0)
        gaps.open()
        assert future.result(20) == threading.get_ident()


@pytest.mark.parametrize(("step_s", "work_s"), [(0.01, 0.02), (0.5, 0.02), (0.02, 1.0)])
def test_the_share_holds_in_the_long_run(step_s: float, work_s: float) -> None:
    clock = Clock()
    gaps, steps, done = Gaps(SHARE, clock), 1_000, 0
    with ThreadPoolExecutor(1) as pool:
        future = asked(pool, gaps, lambda: clock.pass_by(work_s))
        for _ in range(steps):
            clock.pass_by(step_s)
            gaps.open()
            if future.done() or gaps._waiting.empty():
                future.result(20)
                done += 1
                future = asked(pool, gaps, lambda: clock.pass_by(work_s))
        gaps.close()
    # At most one piece of work is in advance, and the credit of a long time is small.
    assert done * work_s <= SHARE * steps * step_s + work_s + 0.2
    assert done >= min(steps, 0.9 * (SHARE * steps * step_s) / work_s - 1)


def test_a_long_time_without_anybody_gives_no_more_than_a_moment() -> None:
    clock, done = Clock(), []
    gaps = Gaps(SHARE, clock)
    with ThreadPoolExecutor(20) as pool:
        clock.pass_by(3600)
        gaps.open()

        def work() -> None:
            clock.pass_by(0.1)
            done.append(1)

        for _ in range(20):
            asked(pool, gaps, work)
        gaps.open()
        assert 1 <= len(done) <= 3
        gaps.close()


def test_a_training_that_waits_does_all_that_comes_and_owes_nothing() -> None:
    clock, done = Clock(), []
    gaps = Gaps(SHARE, clock)

    def work() -> None:
        clock.pass_by(1.0)
        done.append(1)

    with ThreadPoolExecutor(5) as pool:
        for _ in range(5):
            asked(pool, gaps, work)
        gaps.hold_open(4.5)
        assert len(done) == 5
        future = asked(pool, gaps, work)
        clock.pass_by(0.1)
        gaps.open()
        future.result(20)
        assert len(done) == 6


def test_what_goes_wrong_concerns_the_one_who_asked() -> None:
    clock = Clock()
    gaps = Gaps(SHARE, clock)
    with ThreadPoolExecutor(2) as pool:
        broken, whole = asked(pool, gaps, lambda: 1 / 0), asked(pool, gaps, lambda: 7)
        clock.pass_by(1.0)
        gaps.open()
        with pytest.raises(ZeroDivisionError):
            broken.result(20)
        assert whole.result(20) == 7


def test_the_end_is_told_to_all() -> None:
    gaps = Gaps()
    with ThreadPoolExecutor(2) as pool:
        early = asked(pool, gaps, lambda: 7)
        gaps.close()
        for future in (early, pool.submit(gaps.do, lambda: 7)):
            with pytest.raises(UserError, match="the training has ended"):
                future.result(20)


def test_an_interrupt_goes_on_and_nobody_is_left_waiting() -> None:
    clock = Clock()
    gaps = Gaps(SHARE, clock)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool:
        future = asked(pool, gaps, interrupt)
        clock.pass_by(1.0)
        with pytest.raises(KeyboardInterrupt):
            gaps.open()
        with pytest.raises(UserError, match="ended"):
            future.result(20)
