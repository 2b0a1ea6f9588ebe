"""Which masks are drawn of what the training views support, and what their folders and files are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gaussian_renderer.masks import MaskKind

MaskContent = Literal["soft", "binary"]
"""How unsupported a pixel is, or whether by more than one half."""

FOLDERS: Mapping[MaskKind, str] = {
    "visibility": "visibility_mask_global_2ndpick_th0.5",
    "fraction": "visibility_mask_fraction",
    "scale": "scale_mask",
    "view_direction": "view_direction_mask",
    "fisher": "fisher_mask",
}
"""Where the masks of each kind lie, beside `renders`; the first name is the one that consumers look for."""

OTHER: Mapping[MaskContent, MaskContent] = {"soft": "binary", "binary": "soft"}
"""What lies in the folder beside that of each content."""


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
    return kinds + [f"{name}_{OTHER[options.mask_content]}" for name in kinds]


def mask_names(position: int, view: int) -> tuple[str, str]:
    """The two names of a mask: as the render, and as consumers of DL3DV have it, by the frame's number.

    Args:
        position: of the view in its list of the partition, from 0.
        view: its number among all, from 0.
    """
    return f"{position:05d}.png", f"frame_{view + 1:05d}.png"
