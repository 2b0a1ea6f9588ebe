"""`python -m data.sintel_dynamic_labels --training FOLDER`: what moves in MPI-Sintel, from its ground truth.

A pixel is dynamic where the true flow and the flow that the camera's own motion makes of the true depth
differ by more than a threshold. There is a label for each frame but a sequence's last one, which has no flow.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy import ndarray

from core import cli
from core.errors import UserError
from core.images import write_png
from core.progress import Progress, say
from scene.datasets.sintel import LABELS, SintelSequence, open_sequence, sequence_names


@dataclass(frozen=True)
class SintelDynamicLabels:
    """Make the labels of what moves in MPI-Sintel."""

    training: Path
    """The data set's folder `training`, which gets a folder of labels."""
    threshold_px: float = 0.1
    """A pixel is dynamic where the flows differ by more than this, in pixels."""
    sequences: tuple[str, ...] = ()
    """Which sequences; all that have cameras by default."""
    labels: str = LABELS
    """Name of the folder of labels."""


def ego_flow(
    depth: Float32[ndarray, "H W"],
    first: tuple[Float64[ndarray, "3 3"], Float64[ndarray, "4 4"]],
    second: tuple[Float64[ndarray, "3 3"], Float64[ndarray, "4 4"]],
) -> Float64[ndarray, "H W 2"]:
    """Displacements in pixels that a camera's motion makes of points at rest; NaN where they are not seen.

    Args:
        depth: z-depths of the first view.
        first: intrinsics (pixel centres at +0.5) and camera-from-world of the first view.
        second: likewise of the second.
    """
    (K, viewmat), (K_there, viewmat_there) = first, second
    relative = viewmat_there @ np.linalg.inv(viewmat)
    height, width = depth.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(K).T
    points = rays * depth[..., None].astype(np.float64) @ relative[:3, :3].T + relative[:3, 3]
    seen = (depth > 0) & (points[..., 2] > 0)
    there = points @ K_there.T
    with np.errstate(divide="ignore", invalid="ignore"):
        flow = there[..., :2] / there[..., 2:] - np.stack([x, y], axis=-1)
    return np.where(seen[..., None], flow, np.nan)


def dynamic_label(sequence: SintelSequence, row: int, threshold_px: float) -> Bool[ndarray, "H W"]:
    """True where the thing at a pixel moves on its way to the next frame.

    Args:
        sequence: of the frame.
        row: of the frame; not the last one.
        threshold_px: see `SintelDynamicLabels`.

    Raises:
        UserError: a file is missing or broken, or sizes differ.
    """
    flow, depth = sequence.flow(row), sequence.depth(row)
    if flow.shape[:2] != depth.shape:
        raise UserError(
            f"{sequence.path('flow', row, '.flo')} and {sequence.path('depth', row, '.dpt')} differ in size"
        )
    own = ego_flow(depth, sequence.camera(row), sequence.camera(row + 1))
    with np.errstate(invalid="ignore"):
        return np.linalg.norm(flow - own, axis=-1) > threshold_px


def make_labels(settings: SintelDynamicLabels) -> None:
    """Write a label, 255 where something moves and 0 elsewhere, for each frame that has a flow.

    Raises:
        UserError: a setting cannot be met, a file is missing or broken, or the labels cannot be written.
    """
    if not settings.threshold_px > 0:
        raise UserError(f"--threshold-px {settings.threshold_px}: a positive number of pixels was expected")
    if Path(settings.labels).name != settings.labels or settings.labels in ("", ".", ".."):
        raise UserError(f"--labels {settings.labels!r}: the name of one folder was expected")
    names = settings.sequences or sequence_names(settings.training)
    sequences = [open_sequence(settings.training, name) for name in names]
    target = settings.training / settings.labels
    with Progress(sum(len(sequence) - 1 for sequence in sequences), label="labels") as progress:
        for sequence in sequences:
            for row in range(len(sequence) - 1):
                label = dynamic_label(sequence, row, settings.threshold_px)
                path = target / sequence.name / f"{sequence.frames[row].stem}.png"
                write_png(path, label.astype(np.uint8) * np.uint8(255))
                progress.advance()
    say(f"labels of {len(sequences)} sequences are in {target}")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(make_labels, SintelDynamicLabels, args=args, prog="python -m data.sintel_dynamic_labels")


if __name__ == "__main__":
    sys.exit(main())
