"""Whatever can be rendered: runs on scenes and videos, runs on driving logs, Gaussians from a file."""

from pathlib import Path

from core.errors import UserError
from scene.trajectories import PathName
from training.rendering import GaussiansFile, RenderOptions, render_file, render_path, render_run
from training.runs import open_run
from training.street_rendering import StreetRenderOptions, render_street
from training.street_runs import is_street, open_street


def render_any(
    run: Path | None,
    file: GaussiansFile,
    options: RenderOptions,
    street: StreetRenderOptions,
    *,
    iteration: int | None = None,
    source: Path | None = None,
    path: PathName | None = None,
) -> list[Path]:
    """Render a run, or a file of Gaussians.

    Args:
        run: its folder; None where a file is given.
        file: instead of a run.
        options: how it is drawn and written.
        street: what only runs on driving logs have.
        iteration: which saved Gaussians; the latest by default.
        source: where the capture of the run is now, if it has been moved.
        path: new cameras instead of the captured views.

    Returns:
        The folders that were filled.

    Raises:
        UserError: options exclude each other or do not go with the run; a file is missing or broken, or
            cannot be written.
    """
    of_street = run is not None and is_street(run)
    if street != StreetRenderOptions() and not of_street:
        raise UserError("--ply-sequence, --without-track and --move-track need -m RUN of a driving log")
    if run is None:
        return [render_file(file, options)]
    if file != GaussiansFile():
        raise UserError("-m RUN and --ply, --cameras, --out exclude each other; give one or the others")
    if of_street:
        if path is not None:
            raise UserError(
                "--path goes with photographs and videos; --video of a driving log has two new paths"
            )
        return render_street(open_street(run, iteration, source), options, street)
    opened = open_run(run, iteration, source)
    return render_run(opened, options) if path is None else [render_path(opened, path, options)]
