"""What follows a failure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.job_options import JobOptions
from bulk.retries import RetryOptions, decisive, degrade, delay, is_last, next_level

OPTIONS = RetryOptions(attempts=3, backoff_seconds=10.0)


def failures(*endings: str, level: int = 0) -> list[dict[str, Any]]:
    return [{"ending": ending, "level": level} for ending in endings]


def test_a_scene_that_cannot_be_used_is_not_tried_again() -> None:
    assert is_last(failures("input"), OPTIONS)


def test_ends_by_force_count_less() -> None:
    assert not is_last(failures("error", "stalled", *["killed"] * 14), OPTIONS)
    assert is_last(failures(*["killed"] * 15), OPTIONS)
    assert is_last(failures("error", "stalled", "memory"), OPTIONS)


def test_what_is_wrong_with_the_scene_is_told_whatever_came_after_it() -> None:
    assert decisive(failures("killed", "input", "killed"))["ending"] == "input"
    assert decisive(failures("error", "memory", "killed"))["ending"] == "memory"
    assert decisive(failures("killed", "killed"))["ending"] == "killed"


def test_pauses_grow_up_to_a_quarter_of_an_hour() -> None:
    pauses = [delay(count, OPTIONS) for count in range(1, 12)]
    assert pauses[:3] == [10, 20, 40]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 900


@pytest.mark.parametrize(
    ("endings", "level"),
    [((), 0), (("error",), 0), (("error", "error"), 1), (("memory",), 1), (("killed", "error", "killed"), 0)],
)
def test_less_is_demanded_after_failures(endings: tuple[str, ...], level: int) -> None:
    assert next_level(failures(*endings)) == level


def test_failures_at_an_earlier_level_do_not_count_again() -> None:
    late = [*failures("memory"), *failures("memory", level=1), *failures("error", "error")]
    assert next_level(late) == 2


@given(level=st.integers(0, 8), cap=st.none() | st.integers(2, 10**7))
def test_every_level_demands_less(level: int, cap: int | None) -> None:
    options = JobOptions(max_gaussians=cap)
    now, then = degrade(options, level), degrade(options, level + 1)
    assert then.max_gaussians is not None
    assert 1 <= then.max_gaussians <= (now.max_gaussians or then.max_gaussians)
    assert then.coarser >= now.coarser
    assert degrade(options, 0) == options
    assert (then.max_gaussians, then.coarser) != (now.max_gaussians, now.coarser)


def test_no_attempt_is_no_option() -> None:
    with pytest.raises(ValueError, match="attempts"):
        RetryOptions(attempts=0)
