"""Random numbers are a function of seed, purpose and counter."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.randomness import generator

keys = st.tuples(st.integers(0, 2**31), st.text(max_size=8), st.integers(0, 2**31))


@given(keys, keys)
def test_equal_keys_give_equal_numbers_and_others_do_not(
    one: tuple[int, str, int], other: tuple[int, str, int]
) -> None:
    first, again, second = (torch.rand(4, generator=generator(*key)) for key in (one, one, other))
    assert torch.equal(first, again)
    assert torch.equal(first, second) == (one == other)


def test_it_does_not_touch_the_global_generator() -> None:
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(0, "x"))
    assert torch.equal(before, torch.get_rng_state())


def test_a_negative_seed_is_told() -> None:
    with pytest.raises(UserError, match="the seed is -1; a number from 0 on"):
        generator(-1, "order")
