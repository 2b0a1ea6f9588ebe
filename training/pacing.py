"""Fitting a run into a wall-clock time.

A run of unknown length is planned anew at every twentieth of its time: the steps that are left are those
which fit at the present pace. Each plan adds a knot to the schedule, which stretches or shortens what is left
of the recipe without a jump. Knots are saved with the state: given the knots, a run is as repeatable as any
other.
"""

from dataclasses import dataclass

from core.schedules import RECIPE_STEPS, Schedule

PLANS = 20
"""How often a run is planned in all."""

_GROWTH_END = (
    0.5  # of the recipe: from there on the number of Gaussians, and with it the pace, hardly changes
)
_GROWTH_COST = 0.8  # a step after all growth takes about this much longer than one before it, as a fraction
_SMALLEST_RUN = 30


@dataclass
class Pacer:
    """Decides the number of iterations from the time they take.

    Args:
        seconds: the whole time.
        longest: never more iterations than this.
        plans: how many twentieths have been planned.
    """

    seconds: float
    longest: int
    plans: int = 0

    def resume(self, elapsed: float) -> None:
        """Go on after so many seconds of training: what was planned then stands."""
        self.plans = int(elapsed * PLANS / self.seconds)

    def first_plan(self, seconds_per_step: float) -> int:
        """Iterations before anything but a few rehearsed steps is known."""
        return self._clip(self.seconds / (seconds_per_step * _growth_factor(0.0)), 0)

    def replan(
        self, schedule: Schedule, step: int, elapsed: float, recent_seconds_per_step: float
    ) -> Schedule:
        """The schedule to go on with; the same object if it is not time to plan.

        Args:
            schedule: the present one.
            step: the last one taken.
            elapsed: seconds of training so far, earlier processes included.
            recent_seconds_per_step: mean over the latest steps.
        """
        if step >= schedule.iterations or elapsed * PLANS < self.seconds * (self.plans + 1):
            return schedule
        self.resume(elapsed)
        progress = schedule.position(step) / RECIPE_STEPS
        left = max(0.0, self.seconds - elapsed) / (recent_seconds_per_step * _growth_factor(progress))
        iterations = self._clip(step + left, step + 1)
        return schedule if iterations == schedule.iterations else schedule.replanned(step, iterations)

    def _clip(self, iterations: float, least: int) -> int:
        return max(least, min(self.longest, max(_SMALLEST_RUN, int(iterations))))


def _growth_factor(progress: float) -> float:
    """Mean duration of the steps that are left, in units of the present one's, when growth is linear."""
    if progress >= _GROWTH_END:
        return 1.0
    last = (1 + _GROWTH_COST) / (1 + _GROWTH_COST * progress / _GROWTH_END)
    growing = (_GROWTH_END - progress) / (1 - progress)
    return growing * (1 + last) / 2 + (1 - growing) * last
