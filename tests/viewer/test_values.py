"""Whatever a browser sends becomes a value within its range."""

import math

from hypothesis import given
from hypothesis import strategies as st

from viewer.values import choice, crop_box, number, whole

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.binary()
)
LOW, HIGH = (-1.0, -2.0, -3.0), (1.0, 2.0, 3.0)


@given(ANYTHING)
def test_numbers_stay_within_their_range(value: object) -> None:
    assert -2 <= number(value, -2, 5) <= 5
    assert whole(value, -2, 5) in range(-2, 6)


@given(st.floats(-2, 5))
def test_numbers_within_the_range_are_kept(value: float) -> None:
    assert number(value, -2, 5) == value


@given(ANYTHING)
def test_a_choice_is_one_of_the_choices(value: object) -> None:
    assert choice(value, ("a", "b")) in ("a", "b")
    assert choice(value, ()) == ""
    assert choice("b", ("a", "b")) == "b"


@given(ANYTHING, st.tuples(st.floats(), st.floats()))
def test_a_crop_has_its_corners_in_order(nonsense: object, pair: tuple[float, float]) -> None:
    box = crop_box([nonsense, pair, (0.5, 1.0)], LOW, HIGH)
    assert box is not None
    assert all(low <= high for low, high in zip(*box, strict=True))
    assert box[0][2] == 0.5


def test_sides_at_the_ends_are_open() -> None:
    ends = list(zip(LOW, HIGH, strict=True))
    assert crop_box(ends, LOW, HIGH) is None
    assert crop_box([(-0.5, 1.0), *ends[1:]], LOW, HIGH) == (
        (-0.5, -math.inf, -math.inf),
        (math.inf, math.inf, math.inf),
    )
    assert crop_box([(0.5, -0.5), *ends[1:]], LOW, HIGH) == (
        (-0.5, -math.inf, -math.inf),
        (0.5, math.inf, math.inf),
    )
