"""Two numbers of each of many things as a cloud of points, as inline SVG."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.report.axes import Axes


@dataclass(frozen=True)
class Pair:
    """One point.

    Args:
        name: of the thing.
        x: one number of it.
        y: the other, in the same unit.
        link: what a click leads to; None = nothing.
    """

    name: str
    x: float
    y: float
    link: str | None = None


def scatter(title: str, x_name: str, y_name: str, pairs: Sequence[Pair], digits: int = 2) -> str:
    """A square figure whose diagonal is where both numbers are the same; empty without points.

    Args:
        title: what the numbers are.
        x_name: whose numbers are counted to the right.
        y_name: whose numbers are counted upwards.
        pairs: the points.
        digits: behind the point, of numbers that are told.
    """
    if not pairs:
        return ""
    axes = Axes.square([value for pair in pairs for value in (pair.x, pair.y)])
    low, high = axes.x_range
    ends = f'x1="{axes.x(low):.1f}" y1="{axes.y(low):.1f}" x2="{axes.x(high):.1f}" y2="{axes.y(high):.1f}"'
    points = "".join(_point(pair, axes, digits) for pair in pairs)
    name = html.escape(title)
    return (
        f'<figure class="chart"><header><b>{name}</b>'
        f"<span>→ {html.escape(x_name)} · ↑ {html.escape(y_name)}</span></header>"
        f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img" aria-label="{name} of both">{axes.svg()}'
        f'<line class="diagonal" {ends}/><g class="first">{points}</g></svg></figure>'
    )


def _point(pair: Pair, axes: Axes, digits: int) -> str:
    told = html.escape(f"{pair.name}: {pair.x:.{digits}f} and {pair.y:.{digits}f}")
    circle = (
        f'<circle cx="{axes.x(pair.x):.1f}" cy="{axes.y(pair.y):.1f}" r="4"><title>{told}</title></circle>'
    )
    return circle if pair.link is None else f'<a href="{html.escape(pair.link)}">{circle}</a>'
