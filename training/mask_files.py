"""Masks of what the training views support, drawn for every view of a run and written into its folder."""

from pathlib import Path

from core.errors import UserError
from core.images import to_uint8
from core.links import link_or_copy
from core.progress import Progress
from core.run_folder import ViewSet
from gaussian_renderer.masks import THRESHOLD, Evidence, Uncertainty, make_mask
from gaussian_renderer.views import ImageFormation, background_writer, remove_beyond
from training.mask_options import FOLDERS, OTHER, MaskContent, MaskOptions, mask_names
from training.runs import TrainedRun


def render_masks(run: TrainedRun, options: MaskOptions, backend: str = "auto") -> list[Path]:
    """Draw the masks of all views.

    Returns:
        The folders that were filled.

    Raises:
        UserError: fewer than two views trained, or a file cannot be written.
    """
    if len(run.split.train) < 2:
        raise UserError(
            f"{run.folder.path} was trained on {len(run.split.train)} view; masks of what training "
            "views support need two or more"
        )
    formation = ImageFormation(run.background, run.antialiased, backend)
    evidence = Evidence(run.splats, run.capture.cameras[list(run.split.train)], formation)
    filled: list[Path] = []
    for kind in options.mask_kinds:
        mask = make_mask(kind, evidence, background_filter=options.mask_background_filter)
        for views in ("train", "test"):
            filled += _write(run, views, FOLDERS[kind], mask, options.mask_content)
    return filled


def _write(run: TrainedRun, views: ViewSet, name: str, mask: Uncertainty, content: MaskContent) -> list[Path]:
    rows = run.split.train if views == "train" else run.split.test
    folder = run.folder.images(views, run.iteration, "renders").with_name(name)
    other = folder.with_name(f"{name}_{OTHER[content]}")
    with Progress(len(rows), label=f"{name} of {views}") as progress, background_writer() as write:
        for position, view in enumerate(rows):
            soft = mask(run.capture.cameras[view])
            drawn = {"soft": to_uint8(soft), "binary": to_uint8((soft > THRESHOLD).float())}
            for place, chosen in ((folder, content), (other, OTHER[content])):
                write(place / mask_names(position, view)[0], drawn[chosen].cpu().numpy())
            progress.advance()
    for place in (folder, other):
        remove_beyond(place, len(rows))
        for alias in place.glob("frame_*.png"):
            alias.unlink()
        for position, view in enumerate(rows):
            numbered, framed = mask_names(position, view)
            link_or_copy(place / numbered, place / framed)
    return [folder, other]
