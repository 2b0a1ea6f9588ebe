"""Scores of the rendered views of a run, from the files on the disk to `results.json` and `per_view.json`.

Of a run on a video only static pixels count, and the same views drawn in another way are methods of their
own: see `evaluation.static_scores`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from core.errors import UserError
from core.files import read_json, write_json
from core.images import read_gray, read_image
from core.run_folder import HeldOut, RunFolder, ViewSet
from evaluation import image_metrics
from evaluation.image_metrics import Scores
from evaluation.lpips import Lpips
from evaluation.static_scores import masks_folder, score_static

_KEYS = {"SSIM": "ssim", "PSNR": "psnr", "LPIPS": "lpips"}  # as the files of 3DGS name them
_STATIC_KEYS = {"LEGACY_PSNR": "legacy_psnr", "LEGACY_L1": "legacy_l1", "STATIC": "static"}

HELD_OUT: tuple[HeldOut, ...] = get_args(HeldOut)
"""In the order of methods; the first is that of `test/`, which every run has."""

TOLD: Mapping[HeldOut, str] = {
    "carried": "carried poses",
    "predicted": "predicted poses",
    "composite": "with what moves",
    "refined": "refined poses",
}
"""What tables call them."""


@dataclass(frozen=True)
class MethodScores:
    """Scores of one saved iteration of a run.

    Args:
        iteration: after how many steps the Gaussians were saved.
        views: scores by file name, in the order of the views.
        drawn: how the views were; all but `carried` are those of a video.
    """

    iteration: int
    views: Mapping[str, Scores]
    drawn: HeldOut = "carried"

    @property
    def name(self) -> str:
        """What Inria's layout calls it."""
        return f"ours_{self.iteration}{'' if self.drawn == 'carried' else f'_{self.drawn}'}"

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


def image_pairs(
    folder: RunFolder, views: ViewSet, iteration: int, drawn: HeldOut = "carried"
) -> list[tuple[Path, Path]]:
    """Rendering and photograph of each view, in the order of the views.

    Args:
        folder: of the run.
        views: which ones.
        iteration: which has been rendered.
        drawn: how, if they were held out; the list is empty where nothing was.

    Raises:
        UserError: a photograph or a rendering is missing.
    """
    renders, photographs = (folder.images(views, iteration, kind) for kind in ("renders", "gt"))
    if drawn != "carried":
        renders = folder.held_out_renders(iteration, drawn)
        if not renders.is_dir():
            return []
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
    for iteration, drawn, pairs in _rendered(folder, views):
        scores = {}
        for render, photograph in pairs:
            mask = _mask_of(folder, iteration, render.name) if views == "test" else None
            found = _score_files(render, photograph, mask, lpips)
            if found is not None:
                scores[render.name] = found
            on_view()
        if scores:
            methods.append(MethodScores(iteration, scores, drawn))
    return methods


def count_views(folder: RunFolder, views: ViewSet = "test") -> int:
    """How many images `score_run` will look at.

    Raises:
        UserError: as `score_run`.
    """
    check_is_run(folder)
    return sum(len(pairs) for _, _, pairs in _rendered(folder, views))


def _rendered(folder: RunFolder, views: ViewSet) -> Iterator[tuple[int, HeldOut, list[tuple[Path, Path]]]]:
    """(iteration, how held-out views were drawn, the images) of all that has been rendered."""
    for iteration in rendered_iterations(folder, views):
        for drawn in HELD_OUT if views == "test" else HELD_OUT[:1]:
            yield iteration, drawn, image_pairs(folder, views, iteration, drawn)


def write_scores(folder: RunFolder, methods: list[MethodScores]) -> None:
    """Write `results.json` and `per_view.json` in the shape of the original 3DGS code.

    Where only static pixels count, there are keys more: LEGACY_PSNR, LEGACY_L1 and STATIC.

    Raises:
        UserError: they cannot be written.
    """
    means, by_view = {}, {}
    for method in methods:
        keys = _KEYS if method.mean.static is None else _KEYS | _STATIC_KEYS
        means[method.name] = {key: getattr(method.mean, field) for key, field in keys.items()}
        by_view[method.name] = {
            key: {name: getattr(scores, field) for name, scores in method.views.items()}
            for key, field in keys.items()
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
        methods = [_method(name, table) for name, table in stored.items()]
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
        raise UserError(f"{folder.per_view} is not what metrics.py writes ({error!r}); remove it") from error
    return sorted(methods, key=lambda method: (method.iteration, HELD_OUT.index(method.drawn)))


def _method(name: str, table: Mapping[str, Mapping[str, Any]]) -> MethodScores:
    keys = _KEYS if "STATIC" not in table else _KEYS | _STATIC_KEYS
    if "LPIPS" not in table:  # other programs that write this file may do without
        keys = {key: field for key, field in keys.items() if key != "LPIPS"}
    views = {
        view: Scores(**{"lpips": None} | {field: _number(table[key][view]) for key, field in keys.items()})  # pyright: ignore[reportArgumentType]
        for view in table["PSNR"]
    }
    iteration, _, told = name.removeprefix("ours_").partition("_")
    drawn = HELD_OUT[HELD_OUT.index(told or "carried")]
    return MethodScores(int(iteration), views, drawn)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _mask_of(folder: RunFolder, iteration: int, file: str) -> Path | None:
    """The mask of a held-out view; None in a run on a scene in which nothing moves."""
    masks = masks_folder(folder, iteration)
    return masks / file if masks.is_dir() else None


def _score_files(render: Path, photograph: Path, mask: Path | None, lpips: Lpips | None) -> Scores | None:
    """Scores of a view; None where it has no mask among masks, or everything in it moves."""
    image, target = (torch.from_numpy(read_image(path)) for path in (render, photograph))
    _check_sizes(render, image, photograph, target)
    if mask is None:
        return image_metrics.score(image, target, lpips)
    if not mask.exists():
        return None
    moving = torch.from_numpy(read_gray(mask) > 0)
    _check_sizes(mask, moving, photograph, target)
    return score_static(image, target, moving, lpips)


def _check_sizes(path: Path, image: Tensor, other: Path, target: Tensor) -> None:
    if image.shape[:2] != target.shape[:2]:
        sizes = " and ".join(f"{each.shape[1]}x{each.shape[0]}" for each in (image, target))
        raise UserError(f"{path} and {other} differ in size ({sizes}); render the run again")
