"""Laws of schedules."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schedules import RECIPE_STEPS, Schedule, ScheduleConfig, exponential, sh_degree

lengths = st.integers(1, 60_000)
short_lengths = st.integers(1, 250)


@given(lengths)
def test_a_scaled_run_covers_the_recipe(iterations: int) -> None:
    schedule = Schedule(iterations)
    assert schedule.position(0) == 0
    assert schedule.position(iterations) == pytest.approx(RECIPE_STEPS)


@given(st.integers(1, 10**6))
def test_an_unscaled_run_is_the_recipe_itself(step: int) -> None:
    assert Schedule(7000, scaled=False).position(step) == step


@given(short_lengths, st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.1, 3)), max_size=4))
def test_replanning_keeps_the_past_and_never_jumps(iterations: int, plans: list[tuple[float, float]]) -> None:
    schedule = Schedule(iterations)
    for place, factor in plans:
        step = int(schedule.knots[-1][0] + place * (schedule.iterations - schedule.knots[-1][0]))
        if schedule.iterations - step < 2:
            continue
        planned = schedule.replanned(step, step + max(1, round(factor * (schedule.iterations - step))))
        for past in range(max(0, step - 5), step + 1):
            assert planned.position(past) == pytest.approx(schedule.position(past), rel=1e-9)
        assert planned.position(planned.iterations) == pytest.approx(RECIPE_STEPS)
        schedule = planned
    positions = [schedule.position(step) for step in range(schedule.iterations + 1)]
    assert all(a < b for a, b in pairwise(positions))


def test_replanning_needs_a_scaled_schedule_with_steps_left() -> None:
    with pytest.raises(ValueError, match="a scaled schedule"):
        Schedule(100, scaled=False).replanned(5, 50)
    with pytest.raises(ValueError, match="steps left"):
        Schedule(100).replanned(5, 5)


@given(short_lengths, st.integers(1, 5000))
def test_an_event_fires_once_a_period(iterations: int, period: int) -> None:
    schedule = Schedule(iterations)
    fired = sum(schedule.fires(step, period) for step in range(1, iterations + 1))
    # As often as the recipe says, or at every step where a step passes more than one period.
    assert fired == min(iterations, RECIPE_STEPS // period) or RECIPE_STEPS / iterations > period / 2


@given(st.integers(1, 100))
def test_unscaled_events_fire_at_multiples(period: int) -> None:
    schedule = Schedule(120, scaled=False)
    assert [s for s in range(1, 121) if schedule.fires(s, period)] == list(range(period, 121, period))


@given(short_lengths, st.integers(1, 500), st.integers(1, 50))
def test_events_keep_their_least_distance(iterations: int, period: int, at_least: int) -> None:
    schedule = Schedule(iterations)
    fired = [step for step in range(1, iterations + 1) if schedule.fires(step, period, at_least)]
    assert all(b - a >= at_least for a, b in pairwise(fired))
    assert len(fired) <= math.ceil(iterations / at_least)


@given(short_lengths)
def test_no_reset_in_the_last_fifth_of_a_scaled_run(iterations: int) -> None:
    schedule = Schedule.of(ScheduleConfig(iterations=iterations))
    resets = [s for s in range(1, iterations + 1) if schedule.fires(s, 3000) and schedule.allows_reset(s)]
    assert all(step <= 0.8 * iterations for step in resets)
    unscaled = Schedule.of(ScheduleConfig(iterations=7000, scale_schedule=False))
    assert unscaled.allows_reset(6000)


@given(st.floats(1e-8, 1), st.floats(1e-8, 1), st.floats(-10, 1e5), st.integers(1, 10**5))
def test_an_exponential_stays_between_its_ends(a: float, b: float, position: float, length: int) -> None:
    value = exponential(position, a, b, length)
    assert min(a, b) * (1 - 1e-9) <= value <= max(a, b) * (1 + 1e-9)
    assert exponential(0.0, a, b, length) == pytest.approx(a)
    assert exponential(float(length), a, b, length) == pytest.approx(b)
    assert exponential(length / 2, a, b, length) == pytest.approx(math.sqrt(a * b))


def test_a_delay_holds_the_rate_down_at_first() -> None:
    assert exponential(0.0, 1e-3, 1e-4, 30_000, 5000, 0.001) == pytest.approx(1e-6)
    assert exponential(5000.0, 1e-3, 1e-4, 30_000, 5000, 0.001) == pytest.approx(
        exponential(5000.0, 1e-3, 1e-4, 30_000)
    )
    assert exponential(10.0, 0.0, 0.0, 100) == 0


def test_published_learning_rates() -> None:
    assert exponential(15_000.0, 1.6e-4, 1.6e-6, 30_000) == pytest.approx(1.6e-5)


def test_degrees_rise_one_by_one() -> None:
    assert [sh_degree(float(p), 3) for p in (0, 999, 1000, 2000, 2999.9, 3000, 9000)] == [0, 0, 1, 2, 2, 3, 3]
    assert sh_degree(9000.0, 1) == 1
    short = Schedule(700)
    assert [next(s for s in range(701) if sh_degree(short.position(s), 3) == d) for d in range(4)] == [
        0,
        24,
        47,
        70,
    ]


@pytest.mark.parametrize(
    "wrong", [{"iterations": 0}, {"minutes": -1.0}, {"minutes": 1.0, "scale_schedule": False}]
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"expected|scale"):
        ScheduleConfig(**wrong)  # pyright: ignore[reportArgumentType]
