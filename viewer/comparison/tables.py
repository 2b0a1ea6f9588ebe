"""The numbers of runs as tables."""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.memory import readable
from evaluation.image_metrics import Scores
from evaluation.report.markup import MISSING, duration, number, section, table
from viewer.comparison.cards import anchor, signed
from viewer.comparison.matching import CommonView
from viewer.comparison.numbers import RunNumbers
from viewer.comparison.runs import ComparedRun
from viewer.comparison.scores import ComparedScores


def runs_table(
    runs: Sequence[ComparedRun],
    views: Sequence[CommonView],
    scores: ComparedScores,
    numbers: Sequence[RunNumbers],
    notes: Sequence[str],
) -> str:
    """The section with a column for each run.

    Args:
        runs: that are compared.
        views: that they have in common.
        scores: of these.
        numbers: what each took and left.
        notes: what should be known, in sentences.
    """
    means = [scores.mean(place) for place in range(len(runs))]
    dpsnr = [_mean([view.of_runs[place].dpsnr for view in views]) for place in range(len(runs))]
    rows = {
        "PSNR, dB": _scored([mean.psnr for mean in means], 2),
        "SSIM": _scored([mean.ssim for mean in means], 4),
        "LPIPS": _scored([mean.lpips for mean in means], 4, best=min),
        "DPSNR of what moves, dB": _scored(dpsnr, 2),
        "Gaussians": _known([each.gaussians for each in numbers], "{:,}".format),
        "Iterations": _known([each.iterations for each in numbers], "{:,}".format),
        "Training time": _known([each.training_seconds for each in numbers], duration),
        "Peak memory": _known([each.peak_memory_bytes for each in numbers], readable),
        "Saved Gaussians": _known([each.saved_bytes for each in numbers], readable),
        "Method": _known([each.method for each in numbers], html.escape),
        "Folder": [html.escape(str(run.folder.path)) for run in runs],
    }
    known = {name: cells for name, cells in rows.items() if any(cell != MISSING for cell in cells)}
    note = html.escape(" ".join([f"Means over {len(views)} views.", scores.note, *notes]))
    heads = [f"<b>{run.letter}</b> {html.escape(run.name)}" for run in runs]
    return section("Runs", note, f'<div class="scroll">{table(heads, known)}</div>')


def views_table(
    runs: Sequence[ComparedRun], views: Sequence[CommonView], scores: ComparedScores, shown: Sequence[int]
) -> str:
    """A table with a row for each view, which can be sorted by any column.

    Args:
        runs: that are compared.
        views: that they have in common.
        scores: of these.
        shown: places of the views that have pictures.
    """
    heads = ["view", *_columns(runs, "PSNR"), *(f"{run.letter} − {runs[0].letter}" for run in runs[1:])]
    heads += _columns(runs, "SSIM")
    with_lpips = all(each.lpips is not None for of_view in scores.views for each in of_view)
    heads += _columns(runs, "LPIPS") if with_lpips else []
    cells = "".join(f'<th><button type="button">{head}</button></th>' for head in heads)
    rows = "".join(
        _row(place, view.name, of_view, place in set(shown), with_lpips)
        for place, (view, of_view) in enumerate(zip(views, scores.views, strict=True))
    )
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def settings_table(runs: Sequence[ComparedRun], settings: Mapping[str, Sequence[Any]]) -> str:
    """The section with settings that differ; empty if none does.

    Args:
        runs: that are compared.
        settings: the values of each run by dotted key.
    """
    rows = {
        html.escape(key.removeprefix("config.")): [_setting(value) for value in values]
        for key, values in settings.items()
    }
    heads = [f"<b>{run.letter}</b>" for run in runs]
    body = f'<div class="scroll">{table(heads, rows)}</div>' if rows else ""
    return section("Settings that differ", "All others are the same.", body)


def _row(place: int, name: str, scores: Sequence[Scores], shown: bool, with_lpips: bool) -> str:
    told = html.escape(name)
    head = f'<a href="#{anchor(place)}">{told}</a>' if shown else told
    numbers = [(each.psnr, f"{each.psnr:.2f}") for each in scores]
    gains = [each.psnr - scores[0].psnr for each in scores[1:]]
    numbers += [(gain, f"<b>{signed(gain)}</b>") for gain in gains]
    numbers += [(each.ssim, f"{each.ssim:.4f}") for each in scores]
    numbers += [(each.lpips, f"{each.lpips:.4f}") for each in scores if with_lpips and each.lpips is not None]
    cells = "".join(f'<td data-value="{value:.6f}">{shown_as}</td>' for value, shown_as in numbers)
    return f'<tr><td data-value="{place}">{head}</td>{cells}</tr>'


def _columns(runs: Sequence[ComparedRun], metric: str) -> list[str]:
    return [f"{metric} {run.letter}" for run in runs]


def _scored(
    values: Sequence[float | None], digits: int, best: Callable[[Sequence[float]], float] = max
) -> list[str]:
    """Cells of which the best is bold."""
    known = [value for value in values if value is not None]
    cells = [number(value, digits) for value in values]
    if len(known) < 2:
        return cells
    top = number(best(known), digits)
    return [f"<b>{cell}</b>" if cell == top and len(set(cells)) > 1 else cell for cell in cells]


def _known(values: Sequence[Any], told: Callable[[Any], str]) -> list[str]:
    return [MISSING if value is None else told(value) for value in values]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _setting(value: Any) -> str:
    return MISSING if value is None else html.escape(value if isinstance(value, str) else json.dumps(value))
