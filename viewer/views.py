"""Which known view is meant: the first to show, the nearest to a camera, that of one camera at a time."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from viewer.subject import KnownView, Subject


def first_view(views: Sequence[KnownView]) -> int:
    """The view that a visit begins with: one that trained, of a rig's camera that looks where it goes.

    Args:
        views: at least one.
    """
    trained = [row for row, view in enumerate(views) if view.trained] or [0]
    rows_of: dict[str, list[int]] = {}
    for row in trained:
        rows_of.setdefault(views[row].group, []).append(row)
    return max(rows_of.values(), key=lambda rows: _looks_ahead([views[row] for row in rows]))[0]


def view_at(views: Sequence[KnownView], like: int, time_s: float | None) -> int:
    """The view of the same camera taken nearest to a time; the same view where times mean nothing."""
    if time_s is None:
        return like
    late = {
        row: abs(view.time_s - time_s)
        for row, view in enumerate(views)
        if view.group == views[like].group and view.time_s is not None
    }
    return min(late, key=late.__getitem__, default=like)


def same_view(views: Sequence[KnownView], wanted: KnownView) -> int | None:
    """The view of another run that shows the same image; None where it has none of that name."""
    return next((row for row, view in enumerate(views) if view.name == wanted.name), None)


def nearest_view(
    subject: Subject, pose: Float[ndarray, "4 4"] | None, time_s: float | None = None
) -> int | None:
    """The view that shows most nearly what a camera sees; None where there is no view.

    Args:
        subject: whose views.
        pose: of the camera, world-from-camera; the first view is taken where nobody knows.
        time_s: when; of views at one place, the nearest in time is taken.
    """
    if not subject.views or pose is None:
        return 0 if subject.views else None

    def far(row: int) -> float:
        c2w, taken = _pose(subject.views[row]), subject.views[row].time_s
        away = float(np.linalg.norm(c2w[:3, 3] - pose[:3, 3])) / subject.extent.size
        late = 0.0 if time_s is None or taken is None else abs(taken - time_s)
        return away + 1 - float(pose[:3, 2] @ c2w[:3, 2]) + late

    return min(range(len(subject.views)), key=far)


def _looks_ahead(views: Sequence[KnownView]) -> float:
    """The cosine between where a camera looks and where it goes; 0 where it stands."""
    first, last = _pose(views[0]), _pose(views[-1])
    way = last[:3, 3] - first[:3, 3]
    length = float(np.linalg.norm(way))
    return float(first[:3, 2] @ way) / length if length > 0 else 0.0


def _pose(view: KnownView) -> Float[ndarray, "4 4"]:
    return view.camera.c2w[0].detach().cpu().double().numpy()
