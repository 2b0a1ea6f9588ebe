"""The report of a run on a driving log, from what its folder holds."""

import html
from pathlib import Path

from core.memory import readable
from core.run_folder import RunFolder
from evaluation.report.charts import Series, chart
from evaluation.report.document import reproduction, write_page
from evaluation.report.facts import course
from evaluation.report.markup import MISSING, duration, section, table
from evaluation.report.page import NO_LPIPS, chosen_views, gallery
from evaluation.report.street_facts import StreetFacts, gather_street
from evaluation.street_scores import COLUMNS, NOTE, SCORES_FILE

_SETS = {"test": "held-out views", "train": "training views"}
_TITLES = {"static": "Training of what stands still", "dynamic": "Training of what moves"}


def write_street_report(folder: RunFolder) -> Path:
    """Write the report of a run on a driving log: scores, pictures, curves, links to its videos.

    Returns:
        The page.

    Raises:
        UserError: it is no run folder, a file in it is broken, or the page cannot be written.
    """
    facts = gather_street(folder)
    held_out = facts.views_are == "test"
    sections = [
        _scores(facts), chosen_views(facts.views, held_out), _videos(facts), _stages(facts),
        *(_curves(facts, stage) for stage in facts.logs),
        gallery(facts.views, held_out, SCORES_FILE), reproduction(folder.path, facts.origin),
    ]  # fmt: skip
    return write_page(folder, _lead(facts), _figures(facts), sections)


def _lead(facts: StreetFacts) -> str:
    source = facts.origin.source
    told = "A street in 4D" if source is None else f"A street in 4D from {html.escape(Path(source).name)}"
    if facts.views_are == "test":
        return f"{told}, scored on {len(facts.views)} views that it has not seen."
    return f"{told}; every view trained, so the scores are those of reconstruction."


def _figures(facts: StreetFacts) -> dict[str, str]:
    numbers = facts.headline
    figures = {
        name: f"{numbers[key]:.{digits}f}<small>{unit}</small>" if key in numbers else MISSING
        for name, key, digits, unit in (
            ("PSNR", "psnr", 2, "dB"),
            ("DPSNR, pooled", "dpsnr_pooled", 2, "dB"),
            ("LPIPS", "lpips", 3, ""),
        )
    }
    if "lpips" not in numbers:
        figures["LPIPS"] = NO_LPIPS
    peaks = [pace.peak_memory_bytes for pace in facts.paces if pace.peak_memory_bytes is not None]
    seconds = sum(pace.seconds for pace in facts.paces)
    return {
        **figures,
        "Training time": duration(seconds) if facts.paces else MISSING,
        "Peak memory": readable(max(peaks)) if peaks else MISSING,
        "Drawn": f"{1 / facts.seconds_per_view:.1f}<small>FPS</small>" if facts.seconds_per_view else MISSING,
    }


def _scores(facts: StreetFacts) -> str:
    """All numbers of both sets of views."""
    sets = [name for name in _SETS if name in facts.summaries]
    rows: dict[str, list[str]] = {}
    for key, (name, digits) in COLUMNS.items():
        numbers = [facts.summaries[each].get(key) for each in sets]
        if any(number is not None for number in numbers):
            cells = [MISSING if number is None else f"{number:.{digits}f}" for number in numbers]
            rows[name] = cells
    body = table([_SETS[name] for name in sets], rows) if rows else ""
    return section("Scores", html.escape(NOTE.replace("`", "")), body)


def _stages(facts: StreetFacts) -> str:
    """What each stage took."""
    rows: dict[str, list[str]] = {}
    for pace in facts.paces:
        memory = MISSING if pace.peak_memory_bytes is None else readable(pace.peak_memory_bytes)
        gaussians = [count for _, count in course(facts.logs.get(pace.name, ()), "gaussians")]
        count = f"{gaussians[-1]:,.0f}" if gaussians else MISSING
        pace_told = f"{pace.iterations_per_s:.2f}"
        rows[pace.name] = [f"{pace.iterations:,}", duration(pace.seconds), pace_told, memory, count]
    note = "Memory is that of the whole process at its highest."
    head = ("iterations", "time", "iterations a second", "peak memory", "Gaussians")
    return section("Stages", note, table(head, rows) if rows else "")


def _curves(facts: StreetFacts, stage: str) -> str:
    log = facts.logs[stage]
    psnr = [Series("training views", course(log, "psnr"), noisy=True)]
    psnr.append(Series("held-out views", course(log, "test_psnr"), dots=True))
    charts = [
        chart("PSNR", "dB", psnr),
        chart("DPSNR, held out", "dB", [Series("DPSNR", course(log, "test_dpsnr_pooled"), dots=True)]),
        chart("Loss", "", [Series("loss", course(log, "loss"))]),
        chart("Gaussians", "", [Series("Gaussians", course(log, "gaussians"))]),
    ]
    body = f'<div class="charts">{"".join(charts)}</div>' if any(charts) else ""
    return section(_TITLES[stage], "By iteration.", body)


def _videos(facts: StreetFacts) -> str:
    """Links; the files lie beside the page."""
    items = "".join(
        f'<li><a href="{html.escape(file)}">{html.escape(Path(file).name)}</a>: {html.escape(shows)}</li>'
        for file, shows in facts.videos
    )
    return section("Videos", "Files beside this page.", f"<ul>{items}</ul>" if items else "")
