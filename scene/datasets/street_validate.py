"""`python -m scene.datasets.street_validate FOLDER`: what is in a driving log, and whether it is sound."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from core import cli
from core.errors import UserError
from core.progress import say
from scene.capture import Capture
from scene.datasets.street import open_log
from scene.datasets.street_options import StreetOptions
from scene.drive import Drive

# A share of returns this small in all pictures together means that lidar and cameras do not belong together.
_LEAST_SEEN = 1e-3


@dataclass(frozen=True)
class StreetValidate:
    """Read every image, mask and sweep of a driving log, and say what is wrong with it."""

    source: Annotated[Path, tyro.conf.Positional]
    """Folder of the log."""

    options: StreetOptions = field(default_factory=StreetOptions)
    """How it is read."""


def validate(settings: StreetValidate) -> None:
    """Read all of a log and describe it.

    Raises:
        UserError: something is missing, broken, or does not fit the rest.
    """
    capture = open_log(settings.source, settings.options)
    drive = capture.drive
    if drive is None:
        raise UserError(f"{settings.source} is no driving log")
    for sentence in (*describe(capture, drive), *capture.notes):
        say(sentence)
    _read_all(capture, drive)
    say(f"{settings.source} can be trained on")


def describe(capture: Capture, drive: Drive) -> list[str]:
    """What is in a log, as sentences."""
    seconds = float(drive.frame_times_s[-1])
    way = float((drive.world_from_ego[1:, :3, 3] - drive.world_from_ego[:-1, :3, 3]).norm(dim=1).sum())
    sizes = sorted(set(zip(capture.cameras.width.tolist(), capture.cameras.height.tolist(), strict=True)))
    sweeps = sum(sweep is not None for sweep in drive.sweeps)
    parts = [
        f"{len(drive.frame_times_s)} frames in {seconds:.2f} s over {way:.1f} m",
        f"{len(capture)} images of {', '.join(drive.camera_names)} at "
        + ", ".join(f"{width}x{height}" for width, height in sizes),
        f"lidar in {sweeps} frames",
    ]
    if drive.boxes is not None:
        tracks = {box.track for boxes in drive.boxes for box in boxes}
        parts.append(f"{len(tracks)} labelled objects")
    if capture.dynamic_masks is not None:
        parts.append("dynamic masks in every view")
    if drive.sky_masks is not None:
        parts.append(f"sky masks in {sum(mask is not None for mask in drive.sky_masks)} views")
    if drive.ego_masks is not None:
        seen = [
            name for name, mask in zip(drive.camera_names, drive.ego_masks, strict=True) if mask is not None
        ]
        parts.append(f"the own vehicle is masked in {', '.join(seen)}")
    return parts


def _read_all(capture: Capture, drive: Drive) -> None:
    """Decode everything once; what does not decode says so itself."""
    seen = returns = 0
    for row in range(len(capture)):
        height, width = capture.images[row].shape[:2]
        for masks in (capture.dynamic_masks, drive.sky_masks):
            mask = None if masks is None else masks[row]
            if mask is not None and mask.shape != (height, width):
                raise UserError(f"a mask of {capture.image_names[row]} is not of its size")
        depths = None if capture.inverse_depths is None else capture.inverse_depths[row]
        sweep = drive.sweeps[int(drive.view_frames[row])]
        if depths is not None and sweep is not None:
            seen += int(np.count_nonzero(depths.numpy()))
            returns += len(sweep)
    if returns and seen < _LEAST_SEEN * returns:
        raise UserError(
            f"{seen} of {returns} lidar returns are in the pictures of their frames; check the axes and the "
            "units of the poses: x ahead, y left, z up for the vehicle, OpenCV's for cameras, metres"
        )


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(validate, StreetValidate, args=args, prog="python -m scene.datasets.street_validate")


if __name__ == "__main__":
    sys.exit(main())
