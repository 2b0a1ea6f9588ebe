"""Which views of a run lie there rendered; those of ours that do not are rendered first."""

import re

from core.errors import UserError
from core.progress import say
from core.run_folder import HeldOut, RunFolder, ViewSet
from evaluation.report.document import read_object
from evaluation.scoring import HELD_OUT
from training.render_any import render_any
from training.rendering import GaussiansFile, RenderOptions
from training.runs import METHODS, STREET
from training.street_rendering import StreetRenderOptions


def rendered_iteration(folder: RunFolder, views: ViewSet) -> int | None:
    """The latest iteration whose views are there as pictures, after rendering them if they can be.

    Args:
        folder: of the run.
        views: which ones.

    Returns:
        The iteration; None where there is no such view, or none was rendered of a run that is not ours.

    Raises:
        UserError: there is no such folder, or a run of ours has not been rendered and cannot be.
    """
    if not folder.path.is_dir():
        raise UserError(f"{folder.path} is no folder; give the run folder that train.py -m named")
    method = read_object(folder.config).get("method")
    known = _iterations(folder, views)
    if (method == STREET and not known) or (method in METHODS and folder.last_iteration() not in known):
        _render(folder, views)
        known = _iterations(folder, views)
    with_pictures = (
        each for each in reversed(known) if any(folder.images(views, each, "renders").glob("*.png"))
    )
    return next(with_pictures, None)


def kinds_of(folder: RunFolder, iteration: int) -> list[HeldOut]:
    """In which ways the held-out views of an iteration are rendered, in the order of `HELD_OUT`."""
    return [drawn for drawn in HELD_OUT if any(folder.held_out_renders(iteration, drawn).glob("*.png"))]


def _iterations(folder: RunFolder, views: ViewSet) -> list[int]:
    """The iterations that have been rendered, ascending; of some there may be no picture."""
    matches = (
        re.fullmatch(r"ours_(\d+)", path.parent.name) for path in folder.path.glob(f"{views}/ours_*/renders")
    )
    return sorted(int(match[1]) for match in matches if match)


def _render(folder: RunFolder, views: ViewSet) -> None:
    other = "train" if views == "test" else "test"
    say(f"{folder.path} has not been rendered yet, so that is done first")
    options = RenderOptions(skip_train=views == "test", skip_test=views == "train")
    try:
        render_any(folder.path, GaussiansFile(), options, StreetRenderOptions())
    except UserError as error:
        raise UserError(
            f"{error} (the views of {folder.path} were to be rendered; where its capture has been moved, "
            f"`python render.py -m {folder.path} --skip-{other} -s CAPTURE` does it)"
        ) from error
