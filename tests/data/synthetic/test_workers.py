"""Order is kept, failures arrive, and a killed process is told in a sentence."""

import os
import signal
from dataclasses import dataclass

import pytest

from core.errors import UserError
from data.synthetic.workers import each


@dataclass(frozen=True)
class Task:
    """Top level and plain, so that it can be pickled."""

    mood: str = "fine"

    def run(self, index: int) -> int:
        if self.mood == "raises" and index == 2:
            raise ValueError("frame 2")
        if self.mood == "dies" and index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return index * index


@pytest.mark.parametrize("workers", [1, 2])
def test_results_keep_their_order(workers: int) -> None:
    assert list(each(Task().run, 5, workers)) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_frame_is_raised(workers: int) -> None:
    with pytest.raises(ValueError, match="frame 2"):
        list(each(Task("raises").run, 5, workers))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_process_is_a_sentence() -> None:
    with pytest.raises(UserError, match="--workers"):
        list(each(Task("dies").run, 5, 2))
