"""How every job of a run is done."""

from dataclasses import dataclass


@dataclass(frozen=True)
class JobOptions:
    """How every job of a run is done."""

    seed: int = 0
    """Of the split and all draws."""
    iterations: int = 30_000
    """Of the training."""
    max_gaussians: int | None = None
    """Cap on the number of Gaussians."""
    coarser: int = 0
    """Further halvings of the images."""
    yes: bool = False
    """Let the stages `clean` and `partition_fix` delete."""
