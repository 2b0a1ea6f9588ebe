"""What jobs will take."""

from collections.abc import Sequence
from dataclasses import dataclass

from bulk.jobs import Job, StageName


@dataclass(frozen=True)
class Estimate:
    """Of all jobs together."""

    bytes: int
    seconds: float


def estimate(jobs: Sequence[Job], stages: Sequence[StageName]) -> Estimate:
    """What jobs will take."""
    return Estimate(500 * 2**20 * len(jobs), 600.0 * len(jobs))
