"""Fitting a run into a time, on simulated machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schedules import RECIPE_STEPS, Schedule
from training.pacing import Pacer


def simulate(seconds: float, first: float, growth: float, longest: int = 30_000) -> tuple[float, Schedule]:
    """Time taken by a run whose steps take `first` seconds and `growth` times that once all Gaussians are
    there."""
    pacer = Pacer(seconds, longest)
    schedule = (
        Schedule(longest).replanned(0, pacer.first_plan(first))
        if pacer.first_plan(first) < longest
        else Schedule(longest)
    )
    elapsed, step, planned = 0.0, 0, (0, 0.0)
    while step < schedule.iterations:
        step += 1
        progress = schedule.position(step) / RECIPE_STEPS
        elapsed += first * (1 + (growth - 1) * min(1.0, progress / 0.5))
        new = pacer.replan(schedule, step, elapsed, (elapsed - planned[1]) / (step - planned[0]))
        if new is not schedule:
            schedule, planned = new, (step, elapsed)
    return elapsed, schedule


@given(st.floats(10, 100), st.floats(0.01, 0.05), st.floats(0.8, 6))
def test_a_run_ends_in_time_whatever_growth_costs(seconds: float, first: float, growth: float) -> None:
    elapsed, schedule = simulate(seconds, first, growth)
    assert elapsed <= 1.03 * seconds + 40 * first * growth
    assert schedule.iterations == 30_000 or elapsed >= 0.9 * seconds
    assert schedule.position(schedule.iterations) == pytest.approx(RECIPE_STEPS)


def test_a_run_is_never_longer_than_asked_for() -> None:
    elapsed, schedule = simulate(1e6, 0.01, 2.0, longest=500)
    assert schedule.iterations == 500
    assert elapsed < 1e6


def test_time_that_is_up_leaves_one_step() -> None:
    schedule = Pacer(10.0, 1000).replan(Schedule(1000), 400, elapsed=50.0, recent_seconds_per_step=0.1)
    assert schedule.iterations == 401


def test_nothing_is_planned_between_two_twentieths() -> None:
    schedule = Schedule(1000)
    pacer = Pacer(100.0, 1000)
    assert pacer.replan(schedule, 3, elapsed=4.9, recent_seconds_per_step=0.1) is schedule
    assert pacer.replan(schedule, 3, elapsed=5.1, recent_seconds_per_step=1.0) is not schedule
    assert pacer.replan(schedule, 4, elapsed=5.2, recent_seconds_per_step=1.0) is schedule


def test_a_resumed_pacer_does_not_plan_at_once() -> None:
    schedule = Schedule(1000)
    pacer = Pacer(100.0, 1000)
    pacer.resume(elapsed=52.0)
    assert pacer.replan(schedule, 3, 52.1, 0.1) is schedule
    assert pacer.replan(schedule, 3, 55.1, 0.1) is not schedule
