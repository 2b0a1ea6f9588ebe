"""Masks of what the training views support, drawn for every view of a run and written into its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import UserError
from core.images import to_uint8
from core.links import link_or_copy
from core.progress import Progress
from core.run_folder import ViewSet
from gaussian_renderer.masks import THRESHOLD, Evidence, MaskKind, Uncertainty, make_mask
from gaussian_renderer.views import ImageFormation, background_writer, remove_beyond
from training.runs import TrainedRun

MaskContent = Literal["soft", "binary"]

FOLDERS: Mapping[MaskKind, str] = {
    "visibility": "visibility_mask_global_2ndpick_th0.5",
    "fraction": "visibility_mask_fraction",
    "scale": "scale_mask",
    "view_direction": "view_direction_mask",
    "fisher": "fisher_mask",
}
"""Where the masks of each kind lie, beside `renders`; the first name is the one that consumers look for."""

_OTHER: Mapping[MaskContent, MaskContent] = {"soft": "binary", "binary": "soft"}


@dataclass(frozen=True)
class MaskOptions:
    """Which masks are drawn of what the training views support; 255 = unsupported."""

    mask_kinds: tuple[MaskKind, ...] = ("visibility",)
    """visibility: as the second-best training view sees it. fraction: by how many training views see it.
    scale: by the size of the Gaussians. view_direction: by the angle to training views. fisher: by how much
    the training views say of it."""
    mask_content: MaskContent = "soft"
    """What the folder that consumers read holds: soft, or binary = unsupported by more than one half. The
    other one lies in a folder beside it, whose name ends in it."""
    mask_background_filter: bool = False
    """Pixels through which the background shows, such as an empty sky, are unsupported."""

    def __post_init__(self) -> None:
        if not self.mask_kinds:
            raise ValueError("mask_kinds: at least one kind was expected")


def mask_folders(options: MaskOptions) -> list[str]:
    """The folders that are filled beside `renders`, those that consumers read first."""
    kinds = [FOLDERS[kind] for kind in options.mask_kinds]
    return kinds + [f"{name}_{_OTHER[options.mask_content]}" for name in kinds]


def mask_names(position: int, view: int) -> tuple[str, str]:
    """The two names of a mask: as the render, and as consumers of DL3DV have it, by the frame's number.

    Args:
        position: of the view in its list of the partition, from 0.
        view: its number among all, from 0.
    """
    return f"{position:05d}.png", f"frame_{view + 1:05d}.png"


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
    other = folder.with_name(f"{name}_{_OTHER[content]}")
    with Progress(len(rows), label=f"{name} of {views}") as progress, background_writer() as write:
        for position, view in enumerate(rows):
            soft = mask(run.capture.cameras[view])
            drawn = {"soft": to_uint8(soft), "binary": to_uint8((soft > THRESHOLD).float())}
            for place, chosen in ((folder, content), (other, _OTHER[content])):
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
