"""The path of a camera as a picture: three projections of its centres and viewing directions."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy import ndarray

from core.files import atomic_write
from scene.cameras import Cameras

_VIEWS = (("seen from above", 0, 2), ("seen from behind", 0, 1), ("seen from the side", 2, 1))
_AXES = ("x (right)", "y (down)", "z (forward)")
_ARROWS = 12
_COLORS = "viridis"


def write_camera_plot(path: Path, cameras: Cameras) -> None:
    """Draw the centres of cameras in the axes of the first one, in three projections, coloured by time.

    Args:
        path: of the picture, a `.png`.
        cameras: in the order of time, at least one.

    Raises:
        UserError: the file cannot be written.
    """
    centers, directions = seen_from_first(cameras)
    extent = float(np.ptp(centers, axis=0).max()) or 1.0
    shown = np.unique(np.linspace(0, len(centers) - 1, min(_ARROWS, len(centers))).round().astype(int))
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    frames = np.arange(len(centers))
    for axes, (title, across, along) in zip(figure.subplots(1, 3), _VIEWS, strict=True):
        axes.plot(centers[:, across], centers[:, along], color="0.75", linewidth=1, zorder=1)
        axes.quiver(
            centers[shown, across], centers[shown, along],
            directions[shown, across], directions[shown, along],
            angles="xy", scale_units="xy", scale=8 / extent, width=0.004, color="0.55", zorder=2,
        )  # fmt: skip
        axes.scatter(centers[:, across], centers[:, along], c=frames, cmap=_COLORS, s=14, zorder=3)
        axes.set(title=title, xlabel=_AXES[across], ylabel=_AXES[along], aspect="equal")
        axes.margins(0.15)
        if along == 1:  # y points down
            axes.invert_yaxis()
        axes.grid(visible=True, color="0.92")
    colors = ScalarMappable(Normalize(0, max(1, len(centers) - 1)), _COLORS)
    figure.colorbar(colors, ax=figure.axes, label="frame", shrink=0.8)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def seen_from_first(cameras: Cameras) -> tuple[Float[ndarray, "C 3"], Float[ndarray, "C 3"]]:
    """Centres and viewing directions in the axes of the first camera."""
    c2w = cameras.c2w.detach().cpu().double().numpy()
    relative = np.linalg.inv(c2w[0]) @ c2w
    return relative[:, :3, 3], relative[:, :3, 2]
