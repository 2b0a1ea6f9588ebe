"""How often values occur, as inline SVG."""

import html
from collections.abc import Sequence

import numpy as np

_BINS = 20
_FOOT = 22


def histogram(title: str, unit: str, values: Sequence[float], size: tuple[int, int] = (720, 180)) -> str:
    """How often values occur, as a figure; empty without values.

    Args:
        title: what is counted.
        unit: of the values; may be empty.
        values: one each.
        size: width and height of the bars, in pixels where the figure has that width.
    """
    if not values:
        return ""
    width, height = size
    counts, edges = np.histogram(values, bins=_BINS if len(set(values)) > 1 else 1)
    step, most = width / len(counts), max(1, int(counts.max()))
    bars = "".join(
        f'<rect x="{place * step + 1:.1f}" y="{height * (1 - count / most):.1f}" width="{step - 2:.1f}" '
        f'height="{height * count / most:.1f}" rx="2"><title>{count} between {low:.2f} and {high:.2f} {unit}'
        f"</title></rect>"
        for place, (count, low, high) in enumerate(zip(counts, edges, edges[1:], strict=False))
    )
    ticks = "".join(
        f'<text x="{share * width:.0f}" y="{height + 16}" text-anchor="{anchor}">{value:.1f}</text>'
        for share, anchor, value in (
            (0, "start", edges[0]),
            (0.5, "middle", edges[[0, -1]].mean()),
            (1, "end", edges[-1]),
        )
    )
    name = html.escape(title)
    return (
        f'<figure class="chart"><header><b>{name}</b></header>'
        f'<svg viewBox="0 0 {width} {height + _FOOT}" role="img" aria-label="histogram of {name}">'
        f'<g fill="var(--accent)">{bars}</g>{ticks}</svg></figure>'
    )
