"""Which part each ray meets first, and where."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32
from numpy import ndarray

from data.synthetic.intersections import HITS
from data.synthetic.views import NEAR_M, Axes, Parallel, View
from data.synthetic.world import Snapshot

NOTHING = -1

Window = tuple[slice, slice]
"""Rows and columns."""

Cutout = Callable[[Snapshot, int, Axes], Bool[ndarray, "..."]]
"""Snapshot, part and positions in the part's frame to True where its surface is solid, False at holes."""


def cast(
    snapshot: Snapshot, view: View, cutout: Cutout | None = None
) -> tuple[Int32[ndarray, "H W"], Float32[ndarray, "H W"]]:
    """The first hit of every ray of a view.

    Args:
        snapshot: the parts.
        view: the rays.
        cutout: asked about the surface of each part that may have holes; without it all parts are solid.

    Returns:
        Rows of the snapshot, `NOTHING` where there is none, and ray parameters (a pinhole's z-depth), inf
        where there is none.
    """
    parts = np.full((view.height, view.width), NOTHING, np.int32)
    depths = np.full((view.height, view.width), np.inf, np.float32)
    for part, window, closer in _hits(snapshot, view, cutout, depths):
        parts[window][closer] = part
    return parts, depths


def cast_depths(
    snapshot: Snapshot,
    view: View,
    cutout: Cutout | None = None,
    before: Float32[ndarray, "H W"] | None = None,
) -> Float32[ndarray, "H W"]:
    """Ray parameters of the first hits, without asking what is hit.

    Args:
        snapshot: the parts.
        view: the rays.
        cutout: see `cast`.
        before: hits of other parts, which count too.
    """
    depths = np.full((view.height, view.width), np.inf, np.float32) if before is None else before.copy()
    for _ in _hits(snapshot, view, cutout, depths):
        pass
    return depths


def _hits(
    snapshot: Snapshot, view: View, cutout: Cutout | None, depths: Float32[ndarray, "H W"]
) -> Iterator[tuple[int, Window, Bool[ndarray, "h w"]]]:
    """Improve `depths` part by part, from front to back, each only on the pixels that its box can cover.

    Yields:
        The part, its window, and where in it the part is now the nearest.
    """
    windows, nearest = view.windows(snapshot.corners())
    steps = view.steps(snapshot.part_from_world)
    candidates = np.flatnonzero((windows[:, 0] < windows[:, 1]) & (windows[:, 2] < windows[:, 3]))
    # A light's rays start wherever its frame is, a camera's start at the camera.
    start = -np.inf if isinstance(view, Parallel) else NEAR_M
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for part in candidates[np.argsort(nearest[candidates], kind="stable")].tolist():
            top, bottom, left, right = windows[part].tolist()
            window = (slice(top, bottom), slice(left, right))
            best = depths[window]
            if nearest[part] >= best.max():
                continue
            origin, direction = view.rays(steps[part], windows[part])
            closer, entry = _visible(snapshot, part, origin, direction, start, best, cutout)
            np.copyto(best, entry, where=closer)
            yield part, window, closer


def trace(
    snapshot: Snapshot,
    origins: Float64[ndarray, "N 3"],
    directions: Float64[ndarray, "N 3"],
    cutout: Cutout | None = None,
) -> tuple[Int32[ndarray, " N"], Float32[ndarray, " N"]]:
    """The first hit of rays that belong to no image: every part is tried on every ray.

    Args:
        snapshot: the parts.
        origins: metres.
        directions: of any length, which is the unit of the returned parameter.
        cutout: see `cast`.

    Returns:
        Rows of the snapshot, `NOTHING` where there is none, and ray parameters, inf where there is none.
    """
    parts = np.full(len(origins), NOTHING, np.int32)
    best = np.full(len(origins), np.inf, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for part, transform in enumerate(snapshot.part_from_world):
            origin = _columns(origins @ transform[:3, :3].T + transform[:3, 3])
            direction = _columns(directions @ transform[:3, :3].T)
            closer, entry = _visible(snapshot, part, origin, direction, NEAR_M, best, cutout)
            best[closer] = entry[closer]
            parts[closer] = part
    return parts, best


def _visible(
    snapshot: Snapshot,
    part: int,
    origin: Axes,
    direction: Axes,
    start: float,
    best: Float32[ndarray, "*rays"],
    cutout: Cutout | None,
) -> tuple[Bool[ndarray, "*rays"], Float32[ndarray, "*rays"]]:
    """Which rays meet the part before `best`, and where; a pierced shell may be met at its far side only."""
    enter, leave = HITS[int(snapshot.shapes[part])](origin, direction, snapshot.sizes[part])
    exists = enter < leave
    front = exists & (enter < best) & (enter > start)
    if cutout is None or not snapshot.pierced[part]:
        return front, enter
    _keep_solid(cutout, snapshot, part, origin, direction, enter, front)
    back = exists & ~front & (leave < best) & (leave > start)
    _keep_solid(cutout, snapshot, part, origin, direction, leave, back)
    return front | back, np.where(front, enter, leave)


def _keep_solid(
    cutout: Cutout,
    snapshot: Snapshot,
    part: int,
    origin: Axes,
    direction: Axes,
    t: Float32[ndarray, "*rays"],
    hits: Bool[ndarray, "*rays"],
) -> None:
    """Unmark hits at holes, in place."""
    chosen = np.nonzero(hits)
    if not len(chosen[0]):
        return
    starts, steps = (
        [np.broadcast_to(axis, hits.shape)[chosen] for axis in axes] for axes in (origin, direction)
    )
    x, y, z = (start + t[chosen] * step for start, step in zip(starts, steps, strict=True))
    hits[chosen] = cutout(snapshot, part, (x, y, z))


def _columns(vectors: Float64[ndarray, "N 3"]) -> Axes:
    x, y, z = vectors.T.astype(np.float32)
    return x, y, z
