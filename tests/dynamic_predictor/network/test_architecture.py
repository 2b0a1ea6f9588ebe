"""Sizes and rules of a network, from its tensors and the text beside them."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from dynamic_predictor.network.architecture import described_options, network_config, options_of
from dynamic_predictor.network.model import Network, NetworkConfig
from dynamic_predictor.network.postprocess import RangeRule
from tests.dynamic_predictor.network.reference import FULL, MICRO, TINY

FILE = Path("file.pth")
LITERALS = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), st.text(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner), st.tuples(inner, inner)),
    max_leaves=8,
)
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True).map(lambda name: f"x{name}")


@given(st.dictionaries(NAMES, LITERALS, max_size=5))
def test_literals_come_back(options: dict[str, object]) -> None:
    words = ", ".join(f"{name}={value!r}" for name, value in options.items())
    assert described_options(f"Network({words})", FILE) == options


def test_infinities_of_either_spelling() -> None:
    found = described_options("N(a=('exp', -inf, inf), b=float('inf'), c=-float('inf'))", FILE)
    assert found == {"a": ("exp", -math.inf, math.inf), "b": math.inf, "c": -math.inf}


@pytest.mark.parametrize("text", ["N(a=b)", "N(a=float('1e9999j'))", "a.b(c=1)", "1"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not evaluated"):
        described_options(text, FILE)


@pytest.mark.parametrize(
    "config",
    [
        FULL,
        MICRO,
        TINY,
        NetworkConfig(dynamic_heads=False),
        NetworkConfig(head="linear", dynamic_heads=False, depth_mode="square"),
        NetworkConfig(confidence=RangeRule("sigmoid", 2.0, 5.0), dynamic=RangeRule("exp", 0.0, 1.0)),
    ],
)
def test_tensors_and_options_say_everything(config: NetworkConfig) -> None:
    with torch.device("meta"):
        tensors = Network(config).state_dict()
    assert network_config(tensors, options_of(config), FILE) == config
