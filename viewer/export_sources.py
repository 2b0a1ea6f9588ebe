"""What can be exported: files of Gaussians, runs on scenes and videos, a street at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from core import cli
from core.errors import UserError
from core.ply import SplatArrays, read_splats_ply
from core.progress import say
from core.run_folder import RunFolder
from scene.splats import Splats
from scene.street_gaussians import LEAST_PRESENCE
from training.runs import open_run, saved_run
from training.street_runs import is_street, open_street
from training.street_videos import camera_ahead
from training.street_views import TrainedStreet
from viewer.formats import format_of
from viewer.formats.gaussians import GaussianScene


@dataclass(frozen=True)
class SourceOptions:
    """Which of a run's scenes is meant."""

    iteration: int | None = None
    """Of a run: which saved Gaussians; the latest by default."""
    time: float | None = None
    """Of a driving log: seconds since its first frame; the middle of the log by default."""
    source_path: Annotated[Path | None, cli.flag("-s")] = None
    """Of a run: where the capture is now, if it has been moved. Only html and driving logs need it."""


def open_scene(path: Path, options: SourceOptions, *, cameras: bool) -> GaussianScene:
    """Read what is to be exported.

    Args:
        path: a run folder, or a file of Gaussians in any of the formats.
        options: which of a run's scenes.
        cameras: whether the cameras of a run are needed, too; its capture is read for them.

    Raises:
        UserError: there is nothing to export, an option does not go with it, or a file cannot be read.
    """
    if path.is_dir():
        of_street = is_street(path)
        _check(options, run=True, street=of_street)
        return _street(path, options) if of_street else _run(path, options, cameras)
    _check(options, run=False, street=False)
    if not path.exists():
        raise UserError(f"{path} does not exist; a run folder or a file of Gaussians was expected")
    scene = format_of(path).read(path)
    return GaussianScene(scene.splats, scene.antialiased, title=path.name.partition(".")[0])


def street_moments(path: Path, options: SourceOptions) -> tuple[int, Iterator[GaussianScene]]:
    """The Gaussians of every frame of a driving log: how many frames there are, and one after the other.

    Raises:
        UserError: it is no run on a driving log, or its log cannot be read.
    """
    if not is_street(path):
        raise UserError(
            f"{path}: --to ply-sequence writes a file a frame of a run on a driving log; use --to ply for "
            "what does not move"
        )
    if options.time is not None:
        raise UserError("--time names one moment, and --to ply-sequence writes all; leave it out")
    street = open_street(path, options.iteration, options.source_path)
    times = street.drive.frame_times_s.tolist()
    return len(times), (GaussianScene(_moment(street, time_s)) for time_s in times)


def is_run(path: Path) -> bool:
    """Whether a path is a folder that says that it is a run."""
    return path.is_dir() and RunFolder(path).config.is_file()


def _check(options: SourceOptions, *, run: bool, street: bool) -> None:
    if not run and (options.iteration is not None or options.source_path is not None):
        raise UserError("--iteration and -s need a run folder; leave them out for a file")
    if not street and options.time is not None:
        raise UserError("--time needs a run on a driving log; leave it out")


def _run(path: Path, options: SourceOptions, cameras: bool) -> GaussianScene:
    saved = saved_run(path, options.iteration)
    render, title = saved.config.render, path.resolve().name
    splats = read_splats_ply(saved.gaussians)
    if not cameras:
        return GaussianScene(splats, render.antialiasing, render.white_background, title)
    run = open_run(path, saved.iteration, options.source_path)
    rows = sorted(run.split.train, key=lambda row: run.capture.image_names[row])
    names = tuple(run.capture.image_names[row] for row in rows)
    return GaussianScene(
        splats, render.antialiasing, render.white_background, title, run.capture.cameras[rows], names
    )


def _street(path: Path, options: SourceOptions) -> GaussianScene:
    street = open_street(path, options.iteration, options.source_path)
    duration_s = street.drive.duration_s
    time_s = duration_s / 2 if options.time is None else options.time
    if not 0 <= time_s <= duration_s:
        raise UserError(f"--time {time_s:g}: {path} shows 0 to {duration_s:g} seconds")
    beyond = ", and without the sky behind it" if street.scene.sky is not None else ""
    say(f"{path.resolve().name} as it is at --time {time_s:g}{beyond}")
    views = sorted(range(len(street.capture)), key=lambda view: (street.time_of(view), view))
    ahead = camera_ahead(street.capture)
    mine = [row for row, view in enumerate(views) if int(street.drive.view_cameras[view]) == ahead]
    return GaussianScene(
        _moment(street, time_s),
        street.scene.antialiased,
        street.scene.white,
        path.resolve().name,
        street.capture.cameras[views],
        tuple(street.capture.image_names[view] for view in views),
        min(mine, key=lambda row: abs(street.time_of(views[row]) - time_s)),
    )


@torch.no_grad()
def _moment(street: TrainedStreet, time_s: float) -> SplatArrays:
    """The Gaussians that are there at a time."""
    model = street.scene.model
    return _arrays(model.splats(time_s).select(model.presence(time_s) > LEAST_PRESENCE))


def _arrays(splats: Splats) -> SplatArrays:
    def array(values: Tensor) -> np.ndarray:
        return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)

    return SplatArrays(*map(array, (splats.means, splats.quats, splats.scales, splats.opacities, splats.sh)))
