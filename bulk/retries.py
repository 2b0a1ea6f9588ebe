"""What follows a failed attempt: another one, after a while and with less demanded, or none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bulk.job_options import JobOptions

_FIRST_CAP = 1_000_000
_KILLS = 5
"""Ends by force that weigh as much as one other failure."""
_AT_A_LEVEL = {"memory": 1, "killed": 3}
_OTHERWISE_AT_A_LEVEL = 2
_LONGEST_SECONDS = 900.0


@dataclass(frozen=True)
class RetryOptions:
    """What happens after a failure."""

    attempts: int = 3
    """Failures of a job before it goes into quarantine; ends by force may be five times as many."""
    backoff_seconds: float = 10.0
    """Before the second attempt; twice as long before each that follows, a quarter of an hour at the most."""
    retry_quarantined: bool = False
    """Try jobs again that are in quarantine."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts: at least 1 was expected, got {self.attempts}")
        if not self.backoff_seconds >= 0:
            raise ValueError(f"backoff_seconds: a time from 0 on was expected, got {self.backoff_seconds}")


def is_last(failures: Sequence[Mapping[str, Any]], options: RetryOptions) -> bool:
    """Whether a job goes into quarantine.

    Args:
        failures: all so far: outcomes. Ends by force from outside say little about the job, so more
            of them are allowed.
        options: how many are allowed.
    """
    endings = Counter(failure["ending"] for failure in failures)
    kills = endings.pop("killed", 0)
    return "input" in endings or endings.total() >= options.attempts or kills >= _KILLS * options.attempts


def decisive(failures: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The failure that tells why a job is not tried again.

    Not always the last: two commands may have been at a job, one of which found what is wrong with it while
    a worker of the other was ended by force.

    Args:
        failures: all of the job, at least one.
    """
    of_the_scene = [failure for failure in failures if failure["ending"] == "input"]
    told = [failure for failure in failures if failure["ending"] != "killed"]
    return (of_the_scene or told or failures)[-1]


def delay(failures: int, options: RetryOptions) -> float:
    """Seconds before the next attempt after so many failures."""
    return min(options.backoff_seconds * 2.0 ** max(0, failures - 1), _LONGEST_SECONDS)


def next_level(failures: Sequence[Mapping[str, Any]]) -> int:
    """How much less is demanded of the next attempt.

    A level more after a failure for want of memory, after two of another kind at the same level, as an
    accident seldom happens twice, and after three ends by force, which may be want of memory too.

    Args:
        failures: all so far, the oldest first: outcomes with the `level` that they happened at.
    """
    level = 0
    there: Counter[str] = Counter()
    for failure in failures:
        if failure["level"] < level:
            continue  # of another command, which did not know yet
        if failure["level"] > level:
            level, there = failure["level"], Counter()
        ending = failure["ending"]
        there[ending] += 1
        if there[ending] >= _AT_A_LEVEL.get(ending, _OTHERWISE_AT_A_LEVEL):
            level, there = level + 1, Counter()
    return level


def degrade(options: JobOptions, level: int) -> JobOptions:
    """Options that ask less of a machine.

    The first level caps the number of Gaussians at half of what was allowed, or at a million; each that
    follows halves that cap and the sides of the images.

    Args:
        options: of the run.
        level: from 0, which changes nothing.
    """
    if level == 0:
        return options
    first = options.max_gaussians // 2 if options.max_gaussians else _FIRST_CAP
    cap = max(1, first >> (level - 1))
    return replace(options, max_gaussians=cap, coarser=options.coarser + level - 1)
