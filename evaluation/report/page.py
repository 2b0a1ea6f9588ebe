"""The report of a run on photographs or a video, from what its folder holds."""

import html
from collections.abc import Sequence
from pathlib import Path

from core.run_folder import RunFolder
from core.weights import FETCH_COMMAND
from evaluation.report.charts import Series, chart
from evaluation.report.document import reproduction, write_page
from evaluation.report.facts import RunFacts, ViewFiles, gather
from evaluation.report.markup import MISSING, duration, number, section, table
from evaluation.report.prediction import video_sections
from evaluation.report.views import shape, thumbnail, view_card
from evaluation.scoring import TOLD

NO_LPIPS = f'<span title="{FETCH_COMMAND} fetches its weights">{MISSING}</span>'


def write_report(folder: RunFolder) -> Path:
    """Write the report of a run from what its folder holds: curves, scores, pictures.

    Returns:
        The page.

    Raises:
        UserError: it is no run folder, a file in it is broken, or the page cannot be written.
    """
    facts = gather(folder)
    sections = (
        *video_sections(facts.video), _views(facts), _static_table(facts), _curves(facts),
        gallery(facts.views, facts.views_are == "test", facts.folder.per_view.name),
        reproduction(folder.path, facts.origin),
    )  # fmt: skip
    return write_page(folder, _lead(facts), _figures(facts), sections)


def pick(views: Sequence[ViewFiles]) -> list[tuple[str, ViewFiles]]:
    """The views shown at full size, and why: the worst, the median and the best by PSNR."""
    ranked = sorted(views, key=lambda view: view.scores.psnr)
    if len(ranked) < 3:
        return list(zip(("worst", "best") if len(ranked) == 2 else ("the only one",), ranked, strict=False))
    return [("worst", ranked[0]), ("median", ranked[len(ranked) // 2]), ("best", ranked[-1])]


def _lead(facts: RunFacts) -> str:
    told = (
        [] if facts.origin.source is None else [f"Trained on {html.escape(Path(facts.origin.source).name)}"]
    )
    if facts.scores is not None:
        told.append(f"scored on {len(facts.scores.views)} views that it has not seen")
        if facts.scores.mean.static is not None:
            told.append("where nothing moves in them")
    return ", ".join(told) + "." if told else "A run of 3D Gaussian splatting."


def _scores(facts: RunFacts) -> dict[str, str]:
    mean = None if facts.scores is None else facts.scores.mean
    return {
        "PSNR": MISSING if mean is None else f"{mean.psnr:.2f}<small>dB</small>",
        "SSIM": MISSING if mean is None else f"{mean.ssim:.3f}",
        "LPIPS": NO_LPIPS if mean is None or mean.lpips is None else f"{mean.lpips:.3f}",
    }


def _figures(facts: RunFacts) -> dict[str, str]:
    gaussians = facts.latest("gaussians")
    return {
        **(facts.video.figures if facts.video is not None and facts.scores is None else _scores(facts)),
        "Gaussians": MISSING if gaussians is None else f"{gaussians:,.0f}",
        "Iterations": MISSING if facts.iteration is None else f"{facts.iteration:,}",
        **_cost(facts),
    }


def _cost(facts: RunFacts) -> dict[str, str]:
    predicting, peak = facts.cost.prediction_seconds, facts.cost.peak_memory_bytes
    return {
        **({} if predicting is None else {"Prediction time": duration(predicting)}),
        "Training time": MISSING if facts.seconds is None else duration(facts.seconds),
        **({} if peak is None else {"Peak memory": f"{peak / 2**30:.1f}<small>GiB</small>"}),
    }


def _views(facts: RunFacts) -> str:
    return chosen_views(facts.views, facts.views_are == "test")


def chosen_views(views: Sequence[ViewFiles], held_out: bool) -> str:
    """The section with the worst, the median and the best view."""
    cards = "".join(view_card(which, view) for which, view in pick(views))
    if held_out:
        return section("Held-out views", "The photographs on the right were kept from the training.", cards)
    return section("Training views", "No view was held out, so these were all seen in training.", cards)


def _static_table(facts: RunFacts) -> str:
    """Of a video: scores from each kind of poses, and by DAS3R's protocol."""
    if facts.scores is None or facts.scores.mean.static is None:
        return ""
    rows: dict[str, list[str]] = {}
    for method in facts.methods:
        mean = method.mean
        numbers = (mean.psnr, 3), (mean.ssim, 4), (mean.lpips, 4), (mean.legacy_psnr, 3), (mean.static, 3)
        rows[TOLD[method.drawn]] = [number(value, digits) for value, digits in numbers]
    note = (
        "Only pixels where nothing moves count. The legacy PSNR is that of DAS3R's tables: moving pixels are "
        "black in both images, and counted. Poses of held-out frames are carried along with those of their "
        "neighbours, which the training moved; or exactly as predicted, as in DAS3R; or refined with the "
        "Gaussians frozen. With what moves: the first, and inside the neighbours' masks what optical flow "
        "makes of their photographs."
    )
    columns = ("PSNR", "SSIM", "LPIPS", "legacy PSNR", "static share")
    return section("Static pixels", note, table(columns, rows))


def _curves(facts: RunFacts) -> str:
    psnr = [Series("training views", facts.course("psnr"), noisy=True)]
    psnr.append(Series("held-out views", facts.course("test_psnr"), dots=True))
    charts = [
        chart("PSNR", "dB", psnr),
        chart("Loss", "", [Series("loss", facts.course("loss"))]),
        chart("Gaussians", "", [Series("Gaussians", facts.course("gaussians"))]),
    ]
    return section(
        "Training", "By iteration.", f'<div class="charts">{"".join(charts)}</div>' if any(charts) else ""
    )


def gallery(views: Sequence[ViewFiles], held_out: bool, scores: str) -> str:
    """The section with all held-out views, where there are more than are shown at full size.

    Args:
        views: in their order.
        held_out: whether they are.
        scores: name of the file with their scores.
    """
    if not held_out or len(views) <= 3:
        return ""
    note = f"PSNR of each rendering, in the order of the capture. All scores are in {scores}."
    pictures = "".join(thumbnail(view) for view in views)
    return section(
        "All held-out views", note, f'<div class="gallery" style="--shape:{shape(views[0])}">{pictures}</div>'
    )
