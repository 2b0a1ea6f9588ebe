"""Values of a page's controls, as browsers send them: checked before they are used."""

import math
from collections.abc import Sequence

Corner = tuple[float, float, float]


def number(value: object, low: float | int, high: float | int) -> float:
    """A number within a range; the lower end for what is none."""
    try:
        given = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        return float(low)
    return min(max(given, float(low)), float(high)) if math.isfinite(given) else float(low)


def whole(value: object, low: int, high: int) -> int:
    """A whole number within a range; the lower end for what is none."""
    return round(number(value, low, high))


def choice(value: object, choices: Sequence[str]) -> str:
    """One of the choices; the first for what is none of them, "" where there are none."""
    return next((each for each in choices if each == value), choices[0] if choices else "")


def crop_box(ranges: Sequence[object], low: Corner, high: Corner) -> tuple[Corner, Corner] | None:
    """The box of three ranges; a side at the end of its range is open, so that nothing beyond is lost.

    Args:
        ranges: of x, y and z: pairs of numbers.
        low: the least values.
        high: the greatest values.

    Returns:
        Opposite corners; None if all sides are open.
    """
    first, last = [], []
    for pair, least, most in zip(ranges, low, high, strict=True):
        ends = [number(end, least, most) for end in pair] if isinstance(pair, tuple) else []
        begin, end = (min(ends), max(ends)) if len(ends) == 2 else (least, most)
        first.append(-math.inf if begin <= least else begin)
        last.append(math.inf if end >= most else end)
    if all(math.isinf(side) for side in (*first, *last)):
        return None
    return (first[0], first[1], first[2]), (last[0], last[1], last[2])
