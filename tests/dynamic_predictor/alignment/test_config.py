"""Settings that cannot work are refused."""

from typing import Any

import pytest

from dynamic_predictor.alignment.config import AlignmentConfig


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 0}, "steps"),
        ({"rate": -1.0}, "rate"),
        ({"clean_window": 0}, "clean_window"),
        ({"moving_weight": 1.5}, "from 0 to 1"),
        ({"pixels": 3}, "at least 16"),
    ],
)
def test_values_out_of_range(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AlignmentConfig(**settings)


def test_all_pixels_may_take_part() -> None:
    assert AlignmentConfig(pixels=None).pixels is None
