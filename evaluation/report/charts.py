"""Curves of a training as inline SVG; colours come from the style sheet of the page they stand on."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.report.axes import BOTTOM, HEIGHT, TOP, WIDTH, Axes, Point, short

_MOST_POINTS = 600
_WINDOW = 0.06  # of a running mean, as a share of the curve's length
_PLACES = ("first", "second")  # classes in the style sheet


@dataclass(frozen=True)
class Series:
    """One curve.

    Args:
        label: what it is, for the key.
        points: (iteration, value), ascending.
        noisy: draw the points faintly and a running mean over them.
        dots: mark every point.
    """

    label: str
    points: Sequence[Point]
    noisy: bool = False
    dots: bool = False


def chart(title: str, unit: str, series: Sequence[Series]) -> str:
    """A figure with up to two curves over the iterations; empty if there is no point.

    Args:
        title: what is shown.
        unit: behind values; may be empty.
        series: the curves.
    """
    series = [each for each in series if each.points]
    if not series:
        return ""
    name = html.escape(title)
    axes = Axes.around([point for each in series for point in each.points])
    means = [_thinned(_running_mean(each.points) if each.noisy else each.points) for each in series]
    latest = "  ·  ".join(_told(mean[-1][1], unit) for mean in means)
    curves = "".join(
        f'<g class="{place}">{_curve(each, mean, axes)}</g>'
        for place, each, mean in zip(_PLACES, series, means, strict=False)
    )
    hover = [
        {"points": [[round(axes.x(x), 1), f"{_told(y, unit)} at {x:,.0f}"] for x, y in mean]}
        for mean in means
    ]
    return (
        f'<figure class="chart"><header><b>{name}</b><output>{html.escape(latest)}</output></header>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name} by iteration">'
        f'{axes.svg()}{curves}<line class="cross" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/></svg>'
        f'{_key(series)}<script type="application/json">{json.dumps(hover)}</script></figure>'
    )


def _told(value: float, unit: str) -> str:
    return f"{short(value)} {unit}".rstrip()


def _key(series: Sequence[Series]) -> str:
    """Which colour is what, if there are several."""
    if len(series) < 2:
        return ""
    entries = (
        f'<span><i class="{place}"></i>{html.escape(each.label)}</span>'
        for place, each in zip(_PLACES, series, strict=False)
    )
    return f'<p class="key">{"".join(entries)}</p>'


def _curve(series: Series, mean: Sequence[Point], axes: Axes) -> str:
    raw = _polyline(_thinned(series.points), axes, "line raw") if series.noisy else ""
    return raw + _polyline(mean, axes, "line") + (_circles(mean, axes) if series.dots else "")


def _running_mean(points: Sequence[Point]) -> list[Point]:
    """Means over a window around each point, cut off at the ends."""
    half = max(1, round(_WINDOW * len(points) / 2))
    windows = (points[max(0, row - half) : row + half + 1] for row in range(len(points)))
    return [
        (point[0], sum(y for _, y in window) / len(window))
        for point, window in zip(points, windows, strict=True)
    ]


def _polyline(points: Sequence[Point], axes: Axes, names: str) -> str:
    drawn = " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in points)
    return f'<polyline class="{names}" points="{drawn}"/>'


def _circles(points: Sequence[Point], axes: Axes) -> str:
    return "".join(f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="3.5"/>' for x, y in points)


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """At most so many points, evenly chosen, the last one among them."""
    stride = -(-len(points) // _MOST_POINTS)
    return [*points[:-1:stride], points[-1]]
