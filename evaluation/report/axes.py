"""Axes of inline SVG: where values are drawn, and grid lines with labels at round ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 24
"""Size of a drawing and of its margins, in units of its own."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """Which values the edges of the drawing stand for.

    Args:
        x_range: values at the left and right edge.
        y_range: values at the lower and upper edge.
        x_ticks: values with a label.
        y_ticks: values with a label and a line.
        width: of the drawing with its margins.
        height: likewise.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]
    width: int = WIDTH
    height: int = HEIGHT

    @staticmethod
    def around(points: Sequence[Point]) -> "Axes":
        """Axes for curves over iterations, which begin at 0."""
        xs, ys = zip(*points, strict=True)
        low, high = min(ys), max(ys)
        if 0 <= low < 0.25 * high:
            low = 0.0  # a curve that falls to nearly nothing should be seen to
        y_ticks = MaxNLocator(5).tick_values(low, high if high > low else low + 1)
        x_range = (min(0.0, *xs), max(1.0, *xs))
        x_ticks = [tick for tick in MaxNLocator(4, integer=True).tick_values(*x_range) if tick <= x_range[1]]
        return Axes(
            x_range, (float(y_ticks[0]), float(y_ticks[-1])), x_ticks, [float(tick) for tick in y_ticks]
        )

    @staticmethod
    def square(values: Sequence[float]) -> "Axes":
        """Axes that are the same in both directions, around all values."""
        low, high = min(values), max(values)
        ticks = [float(tick) for tick in MaxNLocator(5).tick_values(low, high if high > low else low + 1)]
        ends = ticks[0], ticks[-1]
        return Axes(ends, ends, ticks, ticks, WIDTH, WIDTH - LEFT - RIGHT + TOP + BOTTOM)

    def x(self, value: float) -> float:
        """Where a value is drawn."""
        start, end = self.x_range
        return LEFT + (value - start) / (end - start) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value is drawn; the image's axis points down."""
        start, end = self.y_range
        return self.height - BOTTOM - (value - start) / (end - start) * (self.height - TOP - BOTTOM)

    def svg(self) -> str:
        """Grid lines and labels."""
        rows = ((self.y(tick), short(tick)) for tick in self.y_ticks)
        columns = ((self.x(tick), short(tick)) for tick in self.x_ticks)
        return "".join(
            f'<line class="grid" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
            for y, label in rows
        ) + "".join(
            f'<text x="{x:.1f}" y="{self.height - 6}" text-anchor="middle">{label}</text>'
            for x, label in columns
        )


def short(value: float) -> str:
    """A number for people: 0.123, 24.7, 950, 13.9k, 1.2M."""
    for factor, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"
