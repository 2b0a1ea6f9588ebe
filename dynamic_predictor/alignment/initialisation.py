"""Where global alignment starts: frames are joined one by one along the strongest pairs.

Source: S. Wang et al., "DUSt3R", 2024, section 3.4, and the published facts of its initialisation.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.geometry import invert_se3, transform_points
from dynamic_predictor.alignment.focal import clipped_focal, focal_weiszfeld
from dynamic_predictor.alignment.perspective import pose_from_points
from dynamic_predictor.alignment.pointmaps import Pointmaps
from dynamic_predictor.alignment.registration import Similarity, register_points, register_poses
from dynamic_predictor.alignment.spanning_tree import maximum_spanning_tree
from dynamic_predictor.alignment.variables import BASE_SCALE, Variables

_FOCAL_RANGE = (0.25, 6.0)  # in units of the focal length of a view 60 degrees wide
_FOCAL_PAIRS = 3
_LEAST_POINTS = 50  # for a camera from points, before masks and thresholds are relaxed


@dataclass(frozen=True)
class Known:
    """What is known of the cameras beforehand.

    Args:
        c2w: world-from-camera; rows of unknown cameras mean nothing.
        which: which cameras are known.
        focals: focal lengths in pixels; one, or one a frame.
    """

    c2w: Float[Tensor, "N 4 4"] | None = None
    which: Bool[Tensor, " N"] | None = None
    focals: Float[Tensor, " F"] | None = None

    @property
    def gives_scale(self) -> bool:
        """Whether known cameras stand at two places at least."""
        if self.c2w is None or self.which is None:
            return False
        centers = self.c2w[self.which, :3, 3]
        return len(centers) > 1 and bool((centers - centers[0]).abs().max() > 1e-9)


@dataclass(frozen=True)
class Start:
    """Frames in one world, before anything is optimised.

    Args:
        c2w: world-from-camera.
        points: world points of the frames' pixels.
        focals: in pixels, one a frame.
        posed: False where no camera could be found and that of a neighbour stands in.
        tree: rows of the pairs along which the frames were joined.
    """

    c2w: Float[Tensor, "N 4 4"]
    points: Float[Tensor, "N P 3"]
    focals: Float[Tensor, " N"]
    posed: Bool[Tensor, " N"]
    tree: tuple[int, ...]


def pair_scores(weighted_confidences: Float[Tensor, "E 2"]) -> Float[Tensor, " E"]:
    """How good pairs are: the product of the mean confidences of both sides."""
    return weighted_confidences[:, 0] * weighted_confidences[:, 1]


def frame_focals(
    pairs: Pointmaps,
    scores: Float[Tensor, " E"],
    weights: Float[Tensor, "E 2 P"] | None,
    size: tuple[int, int],
    best: int = _FOCAL_PAIRS,
) -> Float[Tensor, " N"]:
    """The middle of the focal lengths that a frame's `best` strongest pairs imply; NaN where it has none.

    Args:
        pairs: predictions; pair (i, j) says something of the focal length of frame i.
        scores: how good they are.
        weights: of pixels.
        size: (height, width).
        best: how many pairs are asked.
    """
    focals = torch.full((pairs.frames,), math.nan, dtype=scores.dtype)
    for frame in range(pairs.frames):
        rows = (pairs.edges[:, 0] == frame).nonzero()[:, 0]
        rows = rows[scores[rows].argsort(descending=True)][:best]
        found = [
            focal_weiszfeld(pairs.points[row, 0], pairs.pixels, None if weights is None else weights[row, 0])
            for row in rows
        ]
        if found:
            focals[frame] = clipped_focal(torch.stack(found).quantile(0.5), size, *_FOCAL_RANGE)
    return focals


def joined(
    pairs: Pointmaps,
    scores: Float[Tensor, " E"],
    weights: Float[Tensor, "E 2 P"],
    static: Bool[Tensor, "N P"],
    focals: Float[Tensor, " N"],
    pnp_confidence: float = 3.0,
) -> Start:
    """Frames laid on each other along the spanning tree.

    The strongest pair's first camera is the world. Each further pair is registered by the frame that is
    already there, and brings the other frame's points. A camera that is no pair's first is found from its
    points and pixels.

    Args:
        pairs: predictions, at few pixels.
        scores: how good pairs are.
        weights: of pixels in registrations.
        static: where nothing moves: only such pixels tell where a camera is.
        focals: in pixels; NaN where not known.
        pnp_confidence: from which on points help to find a camera.
    """
    edges = [(int(i), int(j)) for i, j in pairs.edges.tolist()]
    tree = maximum_spanning_tree(edges, scores.tolist(), pairs.frames)
    world = torch.zeros(pairs.frames, len(pairs.pixels), 3, dtype=pairs.points.dtype)
    i, j = edges[tree[0]]
    c2w = {i: torch.eye(4, dtype=world.dtype)}
    world[i], world[j] = pairs.points[tree[0]]
    done = {i, j}
    for row in tree[1:]:
        i, j = edges[row]
        known, other = (0, 1) if i in done else (1, 0)
        fit = register_points(pairs.points[row, known], world[edges[row][known]], weights[row, known])
        world[edges[row][other]] = fit(pairs.points[row, other])
        c2w.setdefault(i, fit.rigid())
        done |= {i, j}
    confident = _confident(pairs, pnp_confidence)
    posed = torch.ones(pairs.frames, dtype=torch.bool)
    for frame in sorted(set(range(pairs.frames)) - set(c2w)):
        camera = _camera_of(world[frame], pairs.pixels, confident[frame], static[frame], focals[frame].item())
        if camera is None:
            posed[frame] = False
        else:
            c2w[frame] = camera
    for frame in (~posed).nonzero()[:, 0].tolist():
        c2w[frame] = c2w[min(c2w, key=lambda other: abs(other - frame))]
    poses = torch.stack([c2w[frame] for frame in range(pairs.frames)])
    return Start(poses, world, focals, posed, tuple(tree))


def pair_similarities(
    pairs: Pointmaps, points: Float[Tensor, "N P 3"], weights: Float[Tensor, "E 2 P"]
) -> Similarity:
    """Where each pair lies in the world, by the points of its first frame."""
    fits = [
        register_points(pairs.points[rows, 0], points[pairs.edges[rows, 0]], weights[rows, 0])
        for rows in pairs.chunks()
    ]
    return Similarity(
        torch.cat([fit.scale for fit in fits]),
        torch.cat([fit.R for fit in fits]),
        torch.cat([fit.translation for fit in fits]),
    )


def starting_variables(
    start: Start, pairs: Pointmaps, weights: Float[Tensor, "E 2 P"], known: Known, *, shared_focal: bool
) -> Variables:
    """Variables that stand for a start, in the scale of known cameras or with pairs of mean scale 1/2."""
    fits = pair_similarities(pairs, start.points, weights)
    start = _scaled(start, (math.log(BASE_SCALE) - fits.scale.log().mean()).exp())
    if known.c2w is not None and known.which is not None and bool(known.which.any()):
        start = _moved_to_known(start, known.c2w, known.which)
    fits = pair_similarities(pairs, start.points, weights)
    depths = transform_points(invert_se3(start.c2w), start.points)[..., 2]
    focals = start.focals if known.focals is None else known.focals.to(start.focals)
    if shared_focal and len(focals) > 1:
        focals = focals[focals.isfinite()].quantile(0.5).reshape(1)
    return Variables.of(depths, start.c2w, focals, fits.R, fits.translation, fits.scale)


def _scaled(start: Start, factor: Float[Tensor, ""]) -> Start:
    c2w = start.c2w.clone()
    c2w[:, :3, 3] *= factor
    return replace(start, c2w=c2w, points=start.points * factor)


def _moved_to_known(start: Start, known: Float[Tensor, "N 4 4"], which: Bool[Tensor, " N"]) -> Start:
    """The start as seen from the known cameras, which then take their exact places."""
    fit = register_poses(start.c2w[which], known[which].to(start.c2w))
    c2w = start.c2w.clone()
    c2w[:, :3, :3] = fit.R @ start.c2w[:, :3, :3]
    c2w[:, :3, 3] = fit(start.c2w[:, :3, 3])
    points = fit.scale * (start.points @ fit.R.mT) + fit.translation
    in_camera = transform_points(invert_se3(c2w), points)
    c2w[which] = known[which].to(c2w)
    # Points stay where their own camera saw them, so that a corrected camera takes them along.
    points = transform_points(c2w, in_camera)
    return replace(start, c2w=c2w, points=points, posed=start.posed | which)


def _confident(pairs: Pointmaps, threshold: float) -> Bool[Tensor, "N P"]:
    confident = torch.zeros(pairs.frames, len(pairs.pixels), dtype=torch.bool)
    for row, (i, j) in enumerate(pairs.edges.tolist()):
        confident[i] |= pairs.confidences[row, 0] > threshold
        confident[j] |= pairs.confidences[row, 1] > threshold
    return confident


def _camera_of(
    points: Float[Tensor, "P 3"],
    pixels: Float[Tensor, "P 2"],
    confident: Bool[Tensor, " P"],
    static: Bool[Tensor, " P"],
    focal: float,
) -> Float[Tensor, "4 4"] | None:
    """From confident points that stand still; from all that stand still if those are few; else from all."""
    candidates = [confident & static, static, torch.ones_like(static)]
    used = next(rows for rows in candidates if int(rows.sum()) >= _LEAST_POINTS or bool(rows.all()))
    size = 2 * pixels.abs().max().item()
    camera = pose_from_points(points[used], pixels[used], focal if math.isfinite(focal) else None, size)
    return None if camera is None else camera.c2w
