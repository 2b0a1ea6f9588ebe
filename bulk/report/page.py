"""The page of a run: counts, how good the scenes came out, the worst of them, what failed and why."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bulk.jobs import Job
from bulk.report.facts import psnr_of
from core.errors import UserError
from core.files import read_json
from core.images import read_image
from core.run_folder import RunFolder
from evaluation.report.document import write_page
from evaluation.report.histograms import histogram
from evaluation.report.markup import MISSING, duration, number, section, table
from evaluation.report.views import data_uri

_SHOWN = 24
_FAILURES_SHOWN = 200
_PICTURE_PX = 440
_PAIRS = "--shape:3.56;grid-template-columns:repeat(auto-fill,minmax(260px,1fr))"  # two of 16:9, side by side


def write_run_page(root: Path, jobs: Sequence[Job], facts: Mapping[str, Any]) -> Path:
    """Write `report.html` into the folder of the data set.

    Args:
        root: the folder.
        jobs: of the run.
        facts: what `gather` found.

    Returns:
        The page.

    Raises:
        UserError: it cannot be written.
    """
    by_key = {job.key: job for job in jobs}
    scores = [psnr for done in facts["jobs"] if (psnr := psnr_of(done)) is not None]
    shown = "".join(_picture(by_key[done["job"]], done) for done in facts["jobs"][:_SHOWN])
    sections = [
        section("What failed", "With the last reason; the log has the rest.", _failures(facts["failures"])),
        section(
            "How good",
            "PSNR in dB of held-out views, and how many jobs have it.",
            histogram("PSNR", "dB", scores),
        ),
        section(
            "The worst scenes",
            "A held-out view of each: the rendering, and the photograph beside it.",
            f'<div class="gallery" style="{_PAIRS}">{shown}</div>' if shown else "",
        ),
        section("Where the time goes", "Median over the jobs.", _stages(facts["stage_seconds"])),
    ]
    counts = facts["counts"]
    lead = html.escape(f"{' · '.join(facts['stages'])}, as of {facts['time']}")
    return write_page(RunFolder(root), lead, _figures(counts, facts["throughput"], scores), sections)


def _figures(
    counts: Mapping[str, int], throughput: Mapping[str, float | None], scores: Sequence[float]
) -> dict[str, str]:
    pace, eta = throughput["jobs_per_hour"], throughput["eta_seconds"]
    return {
        "done": f"{counts['done']:,} <small>of {counts['total']:,}</small>",
        "failed": f"{counts['failed']:,}",
        "asked less of": f"{counts['degraded']:,}",
        "median PSNR": f"{number(float(np.median(scores)) if scores else None, 2)} <small>dB</small>",
        "pace": f"{number(pace, 1)} <small>jobs / h</small>",
        "to go": MISSING if eta is None else duration(eta),
    }


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    if not failures:
        return ""
    shown = "".join(_failure(each) for each in failures[:_FAILURES_SHOWN])
    more = len(failures) - _FAILURES_SHOWN
    note = f'<p class="note">… and {more:,} more in report.json</p>' if more > 0 else ""
    return f'<ul class="prose">{shown}</ul>{note}'


def _failure(failure: Mapping[str, Any]) -> str:
    """One item of a list: names of scenes are longer than a column of a table."""
    told = {name: html.escape(str(value)) for name, value in failure.items()}
    where = f" in {told['stage']}" if told["stage"] else ""
    attempts = f"{told['failures']} attempt{'' if failure['failures'] == 1 else 's'}"
    return (
        f"<li><b>{told['job']}</b>: {told['state']}{where} ({told['ending']}) after {attempts}. "
        f"{told['reason']}<br><small>{told['log']}</small></li>"
    )


def _stages(seconds: Mapping[str, float]) -> str:
    return table((), {stage: [duration(value)] for stage, value in seconds.items()}) if seconds else ""


def _picture(job: Job, done: Mapping[str, Any]) -> str:
    """A figure of a job's worst held-out view; without a picture where there is none that can be read."""
    name, psnr = html.escape(job.key), psnr_of(done)
    score = MISSING if psnr is None else f"{psnr:.2f}"
    try:
        image = _worst_view(RunFolder(job.folder))
    except UserError as error:
        image = f"<p>{html.escape(str(error))}</p>"
    return f"<figure>{image}<figcaption>{name}<br><b>{score}</b> dB</figcaption></figure>"


def _worst_view(folder: RunFolder) -> str:
    """The rendering of a held-out view and its photograph, side by side, as HTML; empty if there is none."""
    iterations = folder.iterations()
    if not iterations:
        return ""
    renders = folder.images("test", iterations[-1], "renders")
    photographs = folder.images("test", iterations[-1], "gt")
    names = sorted(path.name for path in renders.glob("*.png") if (photographs / path.name).exists())
    if not names:
        return ""
    scores = _scores_by_view(folder)
    name = min(names, key=lambda each: scores.get(each, float("inf")))
    pair = [read_image(place / name) for place in (renders, photographs)]
    if pair[0].shape != pair[1].shape:
        raise UserError(f"{name}: rendering and photograph differ in size")
    return f'<img src="{data_uri(np.hstack(pair), _PICTURE_PX)}" alt="{html.escape(name)}" loading="lazy">'


def _scores_by_view(folder: RunFolder) -> dict[str, float]:
    """PSNR of held-out views by the names of their files; empty where they were not scored."""
    methods = read_json(folder.per_view) if folder.per_view.exists() else {}
    last = next(reversed(methods.values()), {}) if isinstance(methods, dict) else {}
    return last.get("PSNR", {}) if isinstance(last, dict) else {}
