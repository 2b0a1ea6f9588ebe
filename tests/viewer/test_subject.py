"""What is said of subjects in one place."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tests.training.captures import ring, truth
from tests.viewer.subjects.splats import SplatSubject
from viewer.subject import AT_VIEWS, RENDER, Extent, Subject, Wish

SIDES = st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))


@given(SIDES)
def test_the_size_of_an_extent_is_its_diagonal(sides: tuple[float, float, float]) -> None:
    x, y, z = sides
    extent = Extent((1.0, 2.0, 3.0), (1 + x, 2 + y, 3 + z), (0.0, 0.0, 1.0))
    assert math.isclose(extent.size, math.hypot(x, y, z), rel_tol=1e-6, abs_tol=1e-6)


def test_a_wish_can_be_compared_and_kept() -> None:
    assert Wish() == Wish()
    assert len({Wish(), Wish(scale=1.0), Wish(scale=2.0)}) == 2
    assert Wish().channel == RENDER
    assert RENDER not in AT_VIEWS


def test_what_a_subject_is() -> None:
    assert isinstance(SplatSubject(truth(), ring(2)), Subject)
    assert not isinstance(truth(), Subject)
