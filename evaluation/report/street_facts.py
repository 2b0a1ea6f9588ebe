"""What the report of a run on a driving log is about, from its folder. What is missing is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.run_folder import RunFolder, ViewSet
from core.scalars import read_lines
from evaluation.image_metrics import Scores
from evaluation.report.document import Origin, read_object
from evaluation.report.facts import ViewFiles
from evaluation.scoring import check_is_run
from evaluation.street_pace import StagePace, stage_folders, stage_paces
from evaluation.street_scores import SCORES_FILE

VIDEOS: Mapping[str, str] = {
    "rgbs": "the street as its cameras saw it",
    "gt_rgbs": "their photographs",
    "depths": "depth",
    "dynamic_rgbs": "what moves",
    "static_rgbs": "what stands still",
    "s_curve": "the camera that looks ahead, swinging from side to side",
}
"""The videos of a run, and what they show; those of lateral shifts have names of their own."""


@dataclass(frozen=True)
class StreetFacts:
    """A run on a driving log, for people.

    Args:
        folder: of the run.
        origin: where it comes from.
        logs: scalars by step, of each stage.
        paces: of the stages that have ended.
        summaries: scores of `test` and `train`.
        seconds_per_view: that drawing one took; None if nobody measured it.
        views: with pictures: the held-out ones, or those that trained where none was held out.
        views_are: which of the two.
        videos: files and what they show, relative to the folder.
    """

    folder: RunFolder
    origin: Origin
    logs: Mapping[str, Sequence[Mapping[str, int | float]]]
    paces: Sequence[StagePace]
    summaries: Mapping[str, Mapping[str, float]]
    seconds_per_view: float | None
    views: Sequence[ViewFiles]
    views_are: ViewSet
    videos: Sequence[tuple[str, str]]

    @property
    def headline(self) -> Mapping[str, float]:
        """The scores that count: of views never seen, if there are any."""
        return self.summaries.get(self.views_are, {})


def gather_street(folder: RunFolder) -> StreetFacts:
    """Read the folder of a run on a driving log.

    Raises:
        UserError: it is no run folder, or a file in it is broken.
    """
    check_is_run(folder)
    path = folder.path / SCORES_FILE
    scores = read_object(path)
    try:
        views_are: ViewSet = "test" if "test" in scores.get("summary", {}) else "train"
        views = _views(folder, views_are, scores)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} holds no scores of a street; `python metrics.py -m {folder.path}` after removing it"
        ) from error
    return StreetFacts(
        folder=folder,
        origin=Origin.of(folder),
        logs={name: read_lines(stage.log) for name, stage in stage_folders(folder.path).items()},
        paces=stage_paces(folder.path),
        summaries=scores.get("summary", {}),
        seconds_per_view=scores.get("seconds_per_view"),
        views=views,
        views_are=views_are,
        videos=_videos(folder.path),
    )


def _views(folder: RunFolder, views_are: ViewSet, scores: Mapping[str, Any]) -> list[ViewFiles]:
    """The views whose pictures are there and that were scored."""
    found = []
    for number, view in enumerate(scores.get("views", {}).get(views_are, [])):
        iteration, numbers, file = scores["iteration"], view["numbers"], f"{number:05d}.png"
        render = folder.images(views_are, iteration, "renders") / file
        photograph, depth, moving = (
            render.parent.with_name(kind) / file for kind in ("gt", "depth", "moving")
        )
        if not (render.exists() and photograph.exists() and "psnr" in numbers):
            continue
        found.append(
            ViewFiles(
                name=view["name"],
                render=render,
                photograph=photograph,
                depth=depth if depth.exists() else None,
                scores=Scores(numbers["psnr"], numbers["ssim"], numbers.get("lpips")),
                moving=moving if moving.exists() else None,
                more=f" · DPSNR {numbers['dpsnr']:.2f} dB" if "dpsnr" in numbers else "",
            )
        )
    return found


def _videos(path: Path) -> list[tuple[str, str]]:
    """The videos that were written, in the order of `VIDEOS`, then those of lateral shifts."""
    files = {file.stem: file for file in sorted((path / "videos").glob("*.mp4"))}
    names = [name for name in VIDEOS if name in files]
    shifts = [name for name in files if name not in VIDEOS]
    return [
        (f"videos/{files[name].name}", VIDEOS.get(name, name.replace("_", " "))) for name in (*names, *shifts)
    ]
