"""Scores of the rendered views of a run, from the files on the disk to `results.json` and `per_view.json`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from core.errors import UserError
from core.files import read_json, write_json
from core.images import read_image
from core.run_folder import RunFolder, ViewSet
from evaluation import image_metrics
from evaluation.image_metrics import Scores
from evaluation.lpips import Lpips

_KEYS = {"SSIM": "ssim", "PSNR": "psnr", "LPIPS": "lpips"}  # as the files of 3DGS name them


@dataclass(frozen=True)
class MethodScores:
    """Scores of one saved iteration of a run.

    Args:
        iteration: after how many steps the Gaussians were saved.
        views: scores by file name, in the order of the views.
    """

    iteration: int
    views: Mapping[str, Scores]

    @property
    def name(self) -> str:
        """What Inria's layout calls it."""
        return f"ours_{self.iteration}"

    @property
    def mean(self) -> Scores:
        """Over the views, of which there must be one or more."""
        return image_metrics.mean(list(self.views.values()))


def check_is_run(folder: RunFolder) -> None:
    """Make sure that a folder is a run, of ours or of the original 3DGS code.

    Raises:
        UserError: it is not.
    """
    if not folder.path.is_dir():
        raise UserError(f"{folder.path} is no folder; give the run folder that train.py -m named")
    marks = (folder.config, folder.cfg_args, folder.path / "point_cloud")
    if not any(mark.exists() for mark in marks):
        raise UserError(f"{folder.path} is no run folder: it has no config.json, cfg_args or point_cloud")


def rendered_iterations(folder: RunFolder, views: ViewSet) -> list[int]:
    """The iterations that have been rendered, ascending; their folders may be empty if no view was held out.

    Raises:
        UserError: nothing has been rendered.
    """
    matches = (
        re.fullmatch(r"ours_(\d+)", path.parent.name) for path in folder.path.glob(f"{views}/ours_*/renders")
    )
    iterations = sorted(int(match[1]) for match in matches if match)
    if not iterations:
        command = f"python render.py -m {folder.path}"
        raise UserError(
            f"{folder.path} has no rendered views in {views}/ours_N/renders; `{command}` makes them"
        )
    return iterations


def image_pairs(folder: RunFolder, views: ViewSet, iteration: int) -> list[tuple[Path, Path]]:
    """Rendering and photograph of each view, in the order of the views.

    Raises:
        UserError: a photograph or a rendering is missing.
    """
    renders, photographs = (folder.images(views, iteration, kind) for kind in ("renders", "gt"))
    names = {path.name for path in renders.glob("*.png")}
    odd = names ^ {path.name for path in photographs.glob("*.png")}
    if odd:
        raise UserError(
            f"{renders} and {photographs} do not have the same files ({min(odd)} is in one only); "
            f"run `python render.py -m {folder.path}` again"
        )
    return [(renders / name, photographs / name) for name in sorted(names)]


def score_run(
    folder: RunFolder,
    lpips: Lpips | None,
    views: ViewSet = "test",
    on_view: Callable[[], None] = lambda: None,
) -> list[MethodScores]:
    """Scores of every iteration that has been rendered; empty if no view was held out.

    Args:
        folder: of the run.
        lpips: the metric with its weights, or None to do without.
        views: which views.
        on_view: called after each view.

    Raises:
        UserError: it is no run folder, has not been rendered, or an image does not decode.
    """
    check_is_run(folder)
    methods = []
    for iteration in rendered_iterations(folder, views):
        scores = {}
        for render, photograph in image_pairs(folder, views, iteration):
            scores[render.name] = _score_files(render, photograph, lpips)
            on_view()
        if scores:
            methods.append(MethodScores(iteration, scores))
    return methods


def count_views(folder: RunFolder, views: ViewSet = "test") -> int:
    """How many images `score_run` will score.

    Raises:
        UserError: as `score_run`.
    """
    check_is_run(folder)
    return sum(len(image_pairs(folder, views, iteration)) for iteration in rendered_iterations(folder, views))


def write_scores(folder: RunFolder, methods: list[MethodScores]) -> None:
    """Write `results.json` and `per_view.json` in the shape of the original 3DGS code.

    Raises:
        UserError: they cannot be written.
    """
    means, by_view = {}, {}
    for method in methods:
        means[method.name] = {key: getattr(method.mean, field) for key, field in _KEYS.items()}
        by_view[method.name] = {
            key: {name: getattr(scores, field) for name, scores in method.views.items()}
            for key, field in _KEYS.items()
        }
    write_json(folder.results, means)
    write_json(folder.per_view, by_view)


def read_scores(folder: RunFolder) -> list[MethodScores]:
    """What `write_scores` wrote, ascending; empty if there is no such file.

    Raises:
        UserError: `per_view.json` holds something else.
    """
    if not folder.per_view.exists():
        return []
    stored = read_json(folder.per_view)
    try:
        methods = [
            MethodScores(
                int(name.removeprefix("ours_")),
                {
                    view: Scores(float(table["PSNR"][view]), float(table["SSIM"][view]), table["LPIPS"][view])
                    for view in table["PSNR"]
                },
            )
            for name, table in stored.items()
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder.per_view} is not what metrics.py writes ({error!r}); remove it") from error
    return sorted(methods, key=lambda method: method.iteration)


def _score_files(render: Path, photograph: Path, lpips: Lpips | None) -> Scores:
    image, target = (torch.from_numpy(read_image(path)) for path in (render, photograph))
    if image.shape != target.shape:
        sizes = " and ".join(f"{each.shape[1]}x{each.shape[0]}" for each in (image, target))
        raise UserError(f"{render} and {photograph} differ in size ({sizes}); render the run again")
    return image_metrics.score(image, target, lpips)
