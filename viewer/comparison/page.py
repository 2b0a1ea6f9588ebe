"""The page that shows runs of one capture side by side."""

import html
from collections.abc import Sequence
from pathlib import Path

from core.files import write_text
from core.progress import Progress
from core.run_folder import ViewSet
from evaluation.report.document import page_text
from evaluation.report.histograms import histogram
from evaluation.report.markup import section
from evaluation.report.scatter import Pair, scatter
from viewer.comparison.cards import PictureOptions, anchor, signed, view_card
from viewer.comparison.matching import CommonView, match
from viewer.comparison.numbers import differing_settings, read_numbers
from viewer.comparison.opening import open_runs
from viewer.comparison.pictures import read_pictures
from viewer.comparison.runs import ComparedRun
from viewer.comparison.scores import ComparedScores, compare_scores
from viewer.comparison.tables import runs_table, settings_table, views_table

_PARTS = Path(__file__).parent
_BARS = (360, 322)  # as tall as the clouds of points beside them


def write_comparison(paths: Sequence[Path], output: Path, options: PictureOptions) -> None:
    """Compare runs, after rendering those that were not, and write the page.

    Args:
        paths: folders of the runs; the others are compared with the first.
        output: the page.
        options: size, quality and number of pictures.

    Raises:
        UserError: as `open_runs`, `match` and `compare_scores`; or the page cannot be written.
    """
    runs, views_are = open_runs(paths)
    matched = match(runs)
    scores = compare_scores(runs, matched.views)
    numbers = [read_numbers(run.folder, run.iteration) for run in runs]
    folders = [run.folder for run in runs]
    shown = most_different(scores, options.most_views)
    sections = [
        runs_table(runs, matched.views, scores, numbers, matched.notes),
        settings_table(runs, differing_settings(folders)),
        _by_view(runs, matched.views, scores, shown),
        _views(runs, matched.views, scores, shown, options),
    ]
    title = " vs ".join(run.name for run in runs)
    page = page_text(
        title,
        _lead(runs, len(matched.views), views_are),
        _figures(runs, scores),
        sections,
        style=_part("comparison.css") + _rules(len(runs) + 1),
        script=_part("comparison.js"),
    )
    write_text(output, page)


def most_different(scores: ComparedScores, most: int) -> list[int]:
    """The places of the views that have pictures, ascending: those in which the runs are farthest apart.

    Args:
        scores: of all views.
        most: at most so many.
    """
    ranked = sorted(range(len(scores.views)), key=scores.spread, reverse=True)
    return sorted(ranked[:most])


def _lead(runs: Sequence[ComparedRun], count: int, views_are: ViewSet) -> str:
    told = " · ".join(f"<b>{run.letter}</b> is {html.escape(run.name)}" for run in runs)
    kind = "held out of the training" if views_are == "test" else "that trained, as none was held out"
    return f'{told}. {count} views {kind}: <a href="#pictures">pictures</a>.'


def _figures(runs: Sequence[ComparedRun], scores: ComparedScores) -> dict[str, str]:
    """The mean PSNR of each run, and how often another one is better than the first."""
    figures = {
        f"PSNR of {run.letter}": f"{scores.mean(place).psnr:.2f}<small>dB</small>"
        for place, run in enumerate(runs)
    }
    for place, run in enumerate(runs[1:], 1):
        gains = scores.gains(place)
        better = sum(gain > 0 for gain in gains)
        figures[f"{run.letter} over {runs[0].letter}"] = f"{signed(sum(gains) / len(gains))}<small>dB</small>"
        figures[f"{run.letter} is better in"] = f"{better}<small>of {len(gains)}</small>"
    return figures


def _by_view(
    runs: Sequence[ComparedRun], views: Sequence[CommonView], scores: ComparedScores, shown: Sequence[int]
) -> str:
    """Clouds of points, histograms and the table of all views."""
    charts = ""
    for place, run in enumerate(runs[1:], 1):
        names = runs[0].letter, run.letter
        charts += scatter("PSNR, dB", *names, _pairs(views, scores, shown, place, "psnr"))
        charts += scatter("SSIM", *names, _pairs(views, scores, shown, place, "ssim"), 4)
        charts += histogram(f"PSNR of {names[1]} − {names[0]}, dB", "dB", scores.gains(place), _BARS)
    note = "Above the diagonal the other run is better. A click on a point, or a name, leads to the view."
    body = f'<div class="charts">{charts}</div>{views_table(runs, views, scores, shown)}'
    return section("View by view", note, body)


def _pairs(
    views: Sequence[CommonView], scores: ComparedScores, shown: Sequence[int], run: int, metric: str
) -> list[Pair]:
    with_pictures = set(shown)
    return [
        Pair(
            view.name,
            getattr(of_view[0], metric),
            getattr(of_view[run], metric),
            f"#{anchor(place)}" if place in with_pictures else None,
        )
        for place, (view, of_view) in enumerate(zip(views, scores.views, strict=True))
    ]


def _views(
    runs: Sequence[ComparedRun],
    views: Sequence[CommonView],
    scores: ComparedScores,
    shown: Sequence[int],
    options: PictureOptions,
) -> str:
    """The pictures of all views under one row of controls."""
    cards = []
    with Progress(len(shown), label="pictures") as progress:
        for place in shown:
            pictures = read_pictures(views[place].of_runs)
            cards.append(view_card(place, views[place], runs, scores.views[place], pictures, options))
            progress.advance()
    left_out = len(views) - len(shown)
    note = (
        "Drag a divider, or focus it and use the arrow keys; all views follow. Double-click, pinch or Ctrl "
        "and wheel zoom in, then drag to look around. Keys: 1, 2, 3 show or hide a picture, with Shift only "
        "that one; + − 0 zoom; J K next and previous view; S side by side."
    )
    if left_out:
        note += f" {left_out} views in which the runs differ less have no pictures; --most-views shows them."
    return section("Pictures", note, f'{_tools(runs)}<div class="cards">{"".join(cards)}</div>')


def _tools(runs: Sequence[ComparedRun]) -> str:
    """The row of controls."""
    labels = ["ground truth", *(f"{run.letter} {run.name}" for run in runs)]
    chips = "".join(
        f'<button type="button" data-layer="{layer}" aria-pressed="true">{html.escape(label)}</button>'
        for layer, label in enumerate(labels)
    )
    first = runs[0].letter
    orders = {"place": "as captured", "spread": "largest difference first", "worst": "lowest PSNR first"}
    for place, run in enumerate(runs[1:], 1):
        orders[f"gain-{place}"] = f"{run.letter} most above {first} first"
        orders[f"loss-{place}"] = f"{run.letter} most below {first} first"
    options = "".join(f'<option value="{value}">{text}</option>' for value, text in orders.items())
    return (
        f'<div class="tools" id="pictures" role="toolbar" aria-label="pictures">{chips}'
        '<button type="button" class="beside" aria-pressed="false">side by side</button>'
        '<span class="zoom"><button type="button" class="out" aria-label="smaller">−</button>'
        '<output>1×</output><button type="button" class="in" aria-label="larger">+</button></span>'
        f'<label>order <select class="order">{options}</select></label></div>'
    )


def _rules(layers: int) -> str:
    """Where each strip begins and ends, and where the dividers are; the script sets the numbers."""
    strips = (
        f'.strip[data-layer="{layer}"] {{ --from: var(--from-{layer}, {100 * layer / layers:.3f}%); '
        f"--to: var(--to-{layer}, {100 * (layer + 1) / layers:.3f}%); }}"
        for layer in range(layers)
    )
    cuts = (
        f'.handle[data-cut="{cut}"] {{ left: var(--to-cut-{cut}, {100 * (cut + 1) / layers:.3f}%); }}'
        for cut in range(layers - 1)
    )
    return "\n".join([*strips, *cuts])


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")
