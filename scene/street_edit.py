"""One labelled object of a street taken out or put elsewhere: an edit by option, after all is learned."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from core.errors import UserError
from scene.boxes import points_inside
from scene.drive import Box, Drive
from scene.street_gaussians import StreetGaussians

_MARGIN_M = 0.25
"""Boxes are grown by this on each side: Gaussians lie on surfaces, and labels are tight."""

_NAMED = 8
"""Tracks that a message names."""


def without_tracks(model: StreetGaussians, drive: Drive, tracks: Sequence[str]) -> StreetGaussians:
    """A street without the moving Gaussians of some labelled objects.

    Args:
        model: the street.
        drive: the log, with boxes.
        tracks: names of objects in the boxes.

    Raises:
        UserError: the log has no boxes or no such object, or nothing that moves was learned there.
    """
    kept = torch.ones(len(model), dtype=torch.bool)
    for track in tracks:
        kept &= ~rows_of_track(model, drive, track)[0]
    tables = {name: model.parameters[name].detach()[kept] for name in model.names}
    return StreetGaussians(tables, model.deformation, model.duration_s)


def moved_track(
    model: StreetGaussians, drive: Drive, track: str, ahead_m: float, left_m: float
) -> Float[Tensor, "N 3"]:
    """How far each Gaussian has to be shifted for one labelled object to be elsewhere, metres in the world.

    Ahead and left are as the object itself stands at each Gaussian's own time, so that it stays beside its
    path where that turns. What moves with it but outside of its box, such as its shadow, stays.

    Args:
        model: the street.
        drive: the log, with boxes.
        track: the object's name in the boxes.
        ahead_m: metres along its length.
        left_m: metres to its left.

    Raises:
        UserError: as `without_tracks`.
    """
    inside, frames = rows_of_track(model, drive, track)
    offsets = torch.zeros(len(model), 3)
    shift = torch.tensor([ahead_m, left_m, 0.0], dtype=torch.float64)
    for frame, box in _boxes(drive, track).items():
        rows = inside & (frames == frame)
        offsets[rows] = (box.world_from_box[:3, :3] @ shift).float()
    return offsets


def rows_of_track(
    model: StreetGaussians, drive: Drive, track: str
) -> tuple[Bool[Tensor, " N"], Int64[Tensor, " N"]]:
    """Which Gaussians belong to a labelled object, and the frame nearest to each one's own time.

    One belongs to it that may move and lies inside the object's box in that frame.

    Raises:
        UserError: as `without_tracks`.
    """
    boxes = _boxes(drive, track)
    times = drive.frame_times_s.to(model.parameters["times_s"])
    frames = (model.parameters["times_s"].detach()[:, None] - times).abs().argmin(dim=1)
    movable, inside = model.movable(), torch.zeros(len(model), dtype=torch.bool)
    for frame, box in boxes.items():
        rows = (movable & (frames == frame)).nonzero()[:, 0]
        if len(rows):
            with torch.no_grad():
                places = model.splats(float(times[frame])).means[rows]
            grown = tuple(side + 2 * _MARGIN_M for side in box.size_m)
            inside[rows] = points_inside(replace(box, size_m=grown), places)
    if not inside.any():
        raise UserError(
            f"nothing that moves was learned inside the boxes of {track} in {len(boxes)} frames; it stands "
            "still, or is hardly seen. Name another track"
        )
    return inside, frames


def _boxes(drive: Drive, track: str) -> dict[int, Box]:
    """The box of an object in each frame that has one."""
    if drive.boxes is None:
        raise UserError("the log has no boxes, and so no track can be edited; use a log with labels")
    found = {frame: box for frame, boxes in enumerate(drive.boxes) for box in boxes if box.track == track}
    if not found:
        speeds: dict[str, float] = {}
        for box in (box for boxes in drive.boxes for box in boxes):
            speeds[box.track] = max(speeds.get(box.track, 0.0), box.speed_m_s)
        fastest = sorted(speeds, key=lambda name: -speeds[name])[:_NAMED]
        raise UserError(f"no box is of the track {track}; the fastest tracks are {', '.join(fastest)}")
    return found
