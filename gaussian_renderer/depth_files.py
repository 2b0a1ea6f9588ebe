"""Depth of views as files of numbers, with what is needed to read them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from numpy import ndarray
from torch import Tensor

from core.colormaps import depth_to_uint16
from core.files import atomic_write, write_json
from core.images import to_uint8

DepthFormat = Literal["png16", "npz"]

DEPTH_16_BIT, DEPTH_NPZ, ALPHA = "depth_16bit", "depth_npz", "depth_alpha"
"""Folders of depth as 16-bit PNG, of depth as float16 arrays, and of alpha as 8-bit PNG beside the first."""

WriteImage = Callable[[Path, UInt8[ndarray, "H W *C"] | UInt16[ndarray, "H W"]], None]


def depth_folders(kind: DepthFormat) -> tuple[str, ...]:
    """The folders that a format fills."""
    return (DEPTH_16_BIT, ALPHA) if kind == "png16" else (DEPTH_NPZ,)


class DepthFiles:
    """Writes z-depths of views, in world units, view by view.

    png16: `depth_16bit/NAME.png`, whose unit `depth_16bit/steps.json` tells, and `depth_alpha/NAME.png`.
    npz: `depth_npz/NAME.npz` with `depth` float16 [H, W] in units of `unit`, `alpha` float16 [H, W], `near`,
    `far` and `unit` float64 in world units. In both 0 is no surface: alpha below one half; `views.json` has
    near, far and unit of each view.

    Args:
        folder: holds the folders above.
        kind: of the files.
        write_image: takes a path and an image.
    """

    def __init__(self, folder: Path, kind: DepthFormat, write_image: WriteImage) -> None:
        self._folder, self._write_image = folder, write_image
        self._kind: DepthFormat = kind
        self._views: dict[str, dict[str, float]] = {}

    def add(self, stem: str, depth: Float[Tensor, "H W"], alpha: Float[Tensor, "H W"]) -> None:
        """Write one view.

        Args:
            stem: of the file's name.
            depth: z-depths, 0 = none.
            alpha: how much of a pixel the Gaussians cover, in [0, 1].

        Raises:
            UserError: the file cannot be written.
        """
        seen = depth[depth > 0]
        near, far = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 0.0)
        if self._kind == "png16":
            values, unit = depth_to_uint16(depth)
            self._write_image(self._folder / DEPTH_16_BIT / f"{stem}.png", values)
            self._write_image(self._folder / ALPHA / f"{stem}.png", to_uint8(alpha).cpu().numpy())
        else:
            unit = far if far > 0 else 1.0  # so that no depth is too large or too small for 16 bits
            arrays: dict[str, Any] = {
                "depth": (depth / unit).cpu().numpy().astype(np.float16),
                "alpha": alpha.detach().cpu().numpy().astype(np.float16),
                **{name: np.float64(value) for name, value in (("near", near), ("far", far), ("unit", unit))},
            }
            content = io.BytesIO()
            np.savez_compressed(content, **arrays)
            with atomic_write(self._folder / DEPTH_NPZ / f"{stem}.npz") as temporary:
                temporary.write_bytes(content.getvalue())
        self._views[stem] = {"near": near, "far": far, "unit": unit}

    def finish(self) -> None:
        """Write what is known of all views, after the last one.

        Raises:
            UserError: a file cannot be written.
        """
        folder = self._folder / depth_folders(self._kind)[0]
        if self._kind == "png16":
            write_json(
                folder / "steps.json", {f"{stem}.png": view["unit"] for stem, view in self._views.items()}
            )
        write_json(folder / "views.json", self._views)
