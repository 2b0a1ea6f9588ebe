"""What may be asked of scenes that are drawn, and the files that say it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core import cli
from core.arrays import read_archive, read_array
from core.errors import UserError

CommandName = Literal["none", "static", "forward", "left", "right", "cycle"]


@dataclass(frozen=True)
class Wishes:
    """What is asked of the scenes. The transformer must have learned each condition that is used."""

    clips: Annotated[int, cli.flag("-l")] = 1
    """Clips of a scene, one after another; each goes on from the one before."""
    command: CommandName = "none"
    """Where the vehicle goes; `cycle` takes the four in turn."""
    trajectory: Path | None = None
    """Paths of the vehicle, one scene each: a .npy [N, T, 3] of x ahead and y left in metres and yaw in
    radians, seen from the first frame."""
    legacy_trajectory: bool = False
    """The paths are DynamicCity's: moved to their first place, but in axes and with the yaw of the world."""
    layout: Path | None = None
    """Vehicles from above: an .npz with `layout` [T, u, v], or a folder of them; each clip takes one."""
    follows: Path | None = None
    """A scene's .npz; what is drawn follows its last frames."""
    inpaint: Path | None = None
    """A scene's .npz of which a part is drawn anew."""
    box: tuple[int, int, int, int] | None = None
    """With --inpaint: voxels from X0 to X1 and Y0 to Y1, without the last, are drawn anew, in all frames."""
    mask: Path | None = None
    """With --inpaint: a .npy [T, X, Y, Z] of bool, True where it is drawn anew."""
    outpaint: Path | None = None
    """A scene's .npz that is drawn on beyond its rim."""
    axis: Literal["x", "y"] = "x"
    """With --outpaint: ahead, or to the left."""
    shift: int | None = None
    """With --outpaint: voxels; negative = behind, or to the right. By default half the scene."""

    def __post_init__(self) -> None:
        if self.clips < 1:
            raise ValueError(f"clips: at least 1 was expected, got {self.clips}")
        if self.inpaint is not None and (self.box is None) == (self.mask is None):
            raise ValueError("inpaint: one of --box and --mask must say what is drawn anew")
        if self.inpaint is None and (self.box is not None or self.mask is not None):
            raise ValueError("box, mask: they belong to --inpaint SCENE.npz")
        if self.outpaint is None and (self.shift is not None or self.axis != "x"):
            raise ValueError("axis, shift: they belong to --outpaint SCENE.npz")
        if self.legacy_trajectory and self.trajectory is None:
            raise ValueError("legacy_trajectory: it says what --trajectory PATHS.npy holds")
        if self.inpaint is not None and self.outpaint is not None:
            raise ValueError("inpaint, outpaint: one of them at a time was expected")
        if self.clips > 1 and (self.inpaint or self.outpaint or self.trajectory):
            raise ValueError("clips: a single one was expected with --inpaint, --outpaint or --trajectory")


def read_trajectories(path: Path, frames: int) -> Float[Tensor, "N T 3"]:
    """Paths of the vehicle.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    rows = read_array(path, "fiu")
    if rows.ndim != 3 or rows.shape[1:] != (frames, 3) or not len(rows):
        raise UserError(
            f"{path} holds {rows.dtype} {list(rows.shape)}; numbers [N, {frames}, 3] were expected"
        )
    if not np.isfinite(rows).all():
        raise UserError(f"{path} holds numbers that are not finite")
    return torch.from_numpy(rows.astype(np.float32))


def read_mask(path: Path, shape: tuple[int, ...]) -> Bool[Tensor, "T X Y Z"]:
    """Where a scene is drawn anew.

    Raises:
        UserError: the file cannot be read, or does not fit the scene.
    """
    mask = read_array(path, "b")
    if mask.shape != shape:
        raise UserError(f"{path} holds {mask.dtype} {list(mask.shape)}; bool {list(shape)} was expected")
    return torch.from_numpy(mask)


def layout_files(path: Path) -> list[Path]:
    """The layouts of a file or folder, sorted.

    Raises:
        UserError: there is none.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist; an .npz with a layout, or a folder of them, was expected")
    files = sorted(path.rglob("*.npz")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path} holds no .npz with a layout")
    return files


def read_layout(path: Path, frames: int) -> UInt8[Tensor, "T u v"]:
    """A layout.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    (layout,) = read_archive(path, ["layout"])
    if layout.ndim != 3 or len(layout) != frames or layout.dtype.kind not in "biu":
        raise UserError(
            f"{path}: layout is {layout.dtype} {list(layout.shape)}; 0 and 1 in [{frames}, u, v] expected"
        )
    return torch.from_numpy((layout > 0).astype(np.uint8))
