"""Cameras of the frames that structure from motion left out, from their neighbours."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from core.geometry import invert_se3
from dynamic_predictor.alignment.perspective import pose_from_points
from dynamic_predictor.classical.remembered import RememberedFlow, sampled
from dynamic_predictor.classical.structure import Structure
from dynamic_predictor.flow import consistent

_LEAST_INLIERS = 12
_RANSAC_ITERATIONS = 200


def complete_cameras(
    structure: Structure, flows: RememberedFlow, scale: float
) -> tuple[Float[Tensor, "N 4 4"], Bool[Tensor, " N"]]:
    """Camera-from-world transforms of all frames, and which of them rest on points.

    A frame beside a registered one sees its points where the flow takes them, and is posed by them; so the
    registered part grows. Where that fails a camera is interpolated between its nearest neighbours in time,
    and at the ends of the clip it repeats the nearest one.

    Args:
        structure: with at least one registered frame, in pixels of the frames.
        flows: between the working images.
        scale: working pixels per pixel of the frames.
    """
    viewmats, registered = structure.viewmats.clone(), structure.registered.clone()
    seen = {
        row: (structure.points[structure.frames == row], structure.pixels[structure.frames == row] * scale)
        for row in registered.nonzero()[:, 0].tolist()
    }
    waiting = [(row + step, row) for row in seen for step in (1, -1) if 0 <= row + step < len(viewmats)]
    while waiting:
        row, beside = waiting.pop(0)
        if registered[row]:
            continue
        carried = _carry(*seen[beside], flows, beside, row)
        if carried is None:
            continue
        points, pixels = carried
        center = torch.tensor([flows.size[0] / 2, flows.size[1] / 2])
        posed = pose_from_points(
            structure.xyz[points], pixels - center, structure.focal_px * scale, max(flows.size),
            _RANSAC_ITERATIONS,
        )  # fmt: skip
        if posed is None or posed.inliers < _LEAST_INLIERS:
            continue
        viewmats[row], registered[row] = invert_se3(posed.c2w).float(), True
        seen[row] = points, pixels
        waiting += [(row + step, row) for step in (1, -1) if 0 <= row + step < len(viewmats)]
    return between_neighbours(viewmats, registered), registered


def _carry(
    points: Tensor, pixels: Float[Tensor, "P 2"], flows: RememberedFlow, source: int, target: int
) -> tuple[Tensor, Float[Tensor, "Q 2"]] | None:
    """The points that the flow takes along, and their new pixels."""
    flow, back = flows.between(source, target), flows.between(target, source)
    if flow is None or back is None or not len(points):
        return None
    sure = consistent(torch.from_numpy(flow), torch.from_numpy(back)).numpy().astype(np.float32)
    place = pixels.numpy()[:, None] - 0.5
    moved = sampled(flow, place)[:, 0]
    kept = torch.from_numpy(sampled(sure, place)[:, 0] > 0.99)
    return points[kept], (pixels + torch.from_numpy(moved))[kept]


def between_neighbours(viewmats: Float[Tensor, "N 4 4"], known: Bool[Tensor, " N"]) -> Float[Tensor, "N 4 4"]:
    """Camera-from-world transforms of which some, one or more, are known; the others lie between these."""
    rows = known.nonzero()[:, 0].numpy()
    c2w = invert_se3(viewmats).double().numpy()
    at = np.clip(np.arange(len(viewmats)), rows[0], rows[-1])
    if len(rows) == 1:
        return viewmats[rows[:1]].expand(len(viewmats), -1, -1).clone()
    filled = np.tile(np.eye(4), (len(viewmats), 1, 1))
    filled[:, :3, :3] = Slerp(rows, Rotation.from_matrix(c2w[rows, :3, :3]))(at).as_matrix()
    filled[:, :3, 3] = _columns(at, rows, c2w[rows, :3, 3])
    filled[rows] = c2w[rows]
    return invert_se3(torch.from_numpy(filled)).to(viewmats)


def _columns(at: ndarray, rows: ndarray, values: Float[ndarray, "K 3"]) -> Float[ndarray, "N 3"]:
    return np.stack([np.interp(at, rows, values[:, axis]) for axis in range(3)], axis=1)
