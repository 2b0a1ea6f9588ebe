"""Everything that changes over a run, as functions of the step.

A recipe is written down for a run of `RECIPE_STEPS`. A `Schedule` maps the steps of an actual run, whatever
its length, to positions in the recipe; learning rates, densification, resets and spherical-harmonic degrees
are read off at the position. Steps count from 1; position 0 is before the first.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

RECIPE_STEPS = 30_000
"""Length in steps of the published 3DGS recipe, the unit of every `*_iter` and `*_interval` of a
configuration."""

_ROUNDING = 1e-9  # positions are quotients: 700 * (30000 / 7000) may come out just below 3000


@dataclass(frozen=True)
class ScheduleConfig:
    """How long a run is, and what its schedules follow."""

    iterations: int = RECIPE_STEPS
    """Optimiser steps."""
    minutes: float | None = None
    """Fit the training into this wall-clock time; the run then has at most `iterations` steps."""
    scale_schedule: bool = True
    """Stretch the recipe's schedules to `iterations`; otherwise they keep the steps of a 30,000-step run."""
    resets_end: float = 0.8
    """Fraction of a scaled run after which opacities are never reset: what a reset costs must be won back."""

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"iterations: at least 1 was expected, got {self.iterations}")
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"minutes: a positive time was expected, got {self.minutes}")
        if self.minutes is not None and not self.scale_schedule:
            raise ValueError(
                "minutes chooses the length of the run, so the schedules must scale with it: leave out "
                "--no-scale-schedule"
            )


@dataclass(frozen=True)
class Schedule:
    """A run's steps and their positions in the recipe.

    Args:
        iterations: steps of the run.
        scaled: whether the run covers the recipe exactly; otherwise position = step.
        knots: (step, position) where the pace changed because `iterations` was chosen anew during the run;
            the pace is constant from each knot to the next, and from the last one to the end.
        resets_end: see `ScheduleConfig`.
    """

    iterations: int
    scaled: bool = True
    knots: tuple[tuple[int, float], ...] = ((0, 0.0),)
    resets_end: float = 0.8

    @staticmethod
    def of(config: ScheduleConfig) -> "Schedule":
        """The schedule a configuration asks for."""
        return Schedule(config.iterations, config.scale_schedule, resets_end=config.resets_end)

    def position(self, step: int) -> float:
        """Where in the recipe a step lies: from 0 to `RECIPE_STEPS` when scaled, growing with the step."""
        start, start_position, pace = self._segment(step)
        return start_position + (step - start) * pace

    def _segment(self, step: int) -> tuple[int, float, float]:
        """Start and position of the stretch of constant pace that a step lies in, and that pace."""
        if not self.scaled:
            return 0, 0.0, 1.0
        ends = (*self.knots[1:], (self.iterations, float(RECIPE_STEPS)))
        for (start, start_position), (end, end_position) in zip(self.knots, ends, strict=True):
            if step <= end:
                return start, start_position, (end_position - start_position) / (end - start)
        return self.iterations, float(RECIPE_STEPS), 0.0

    def replanned(self, step: int, iterations: int) -> "Schedule":
        """The same schedule up to `step`, and another number of iterations in all.

        Raises:
            ValueError: the schedule is not scaled, or no step would be left.
        """
        if not self.scaled or iterations <= step:
            raise ValueError(
                f"a scaled schedule with steps left was expected (scaled {self.scaled}, {iterations} "
                f"iterations at step {step})"
            )
        if step == self.knots[-1][0]:
            return replace(self, iterations=iterations)
        return replace(self, iterations=iterations, knots=(*self.knots, (step, self.position(step))))

    def state_dict(self) -> dict[str, Any]:
        """What may change during a run: its length and where its pace changed."""
        return {"iterations": self.iterations, "knots": list(self.knots)}

    def restored(self, state: Mapping[str, Any]) -> "Schedule":
        """The schedule with what `state_dict` gave."""
        knots = tuple((int(step), float(position)) for step, position in state["knots"])
        return replace(self, iterations=state["iterations"], knots=knots)

    def fires(self, step: int, period: int, at_least: int = 1) -> bool:
        """Whether an event that recurs every `period` of the recipe is due at a step.

        Args:
            step: the step in question.
            period: in recipe steps.
            at_least: steps of the run between two events, for short runs whose scaled period would be too
                short.
        """
        before, here = self.position(step - 1), self.position(step)
        length = max(float(period), at_least * self._segment(step)[2])
        return math.floor(here / length + _ROUNDING) > math.floor(before / length + _ROUNDING)

    def passed(self, step: int, position: int) -> bool:
        """Whether a step lies at or beyond a position of the recipe."""
        return self.position(step) >= position - _ROUNDING

    def allows_reset(self, step: int) -> bool:
        """Whether opacities may be reset: in a scaled run not near its end."""
        return not self.scaled or step <= self.resets_end * self.iterations


def exponential(
    position: float,
    initial: float,
    final: float,
    length: int,
    delay_length: int = 0,
    delay_factor: float = 1.0,
) -> float:
    """A value that falls from `initial` to `final` at a constant rate in the logarithm.

    Args:
        position: where in the recipe.
        initial: the value at position 0, positive unless both are 0.
        final: the value from `length` on.
        length: position at which `final` is reached.
        delay_length: until this position the value is held down by a factor that rises along a sine to 1.
        delay_factor: that factor at position 0.

    Source: Plenoxels' and multinerf's learning-rate schedule; used by 3D Gaussian Splatting for positions.
    """
    if initial <= 0 or final <= 0:
        return 0.0
    t = min(max(position / length, 0.0), 1.0)
    value = math.exp((1 - t) * math.log(initial) + t * math.log(final))
    if delay_length > 0:
        rise = math.sin(0.5 * math.pi * min(max(position / delay_length, 0.0), 1.0))
        value *= delay_factor + (1 - delay_factor) * rise
    return value


def sh_degree(position: float, highest: int, interval: int = 1000) -> int:
    """The spherical-harmonic degree in use: one more every `interval` of the recipe."""
    return min(highest, math.floor(position / interval + _ROUNDING))
