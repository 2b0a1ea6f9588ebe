"""Camera paths for videos of a scene: an orbit, a smooth path through the cameras, a spiral.

Paths are worked out in float64 with numpy and scipy; poses are world-from-camera (c2w) in OpenCV axes.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicHermiteSpline
from scipy.spatial.transform import Rotation, RotationSpline

from core.errors import UserError
from core.geometry import invert_se3, look_at
from scene.cameras import Cameras

PathName = Literal["orbit", "spline", "spiral"]

# The smallest eigenvalue of the mean of I - d d^T is about the squared sine of the angle between the axes.
_PARALLEL = np.sin(np.radians(3)) ** 2
# Directions without a camera over a larger angle than this were not captured: an orbit does not go there.
_WIDEST_GAP = np.radians(120)
_FRAMES_PER_KEY = 8


def novel_path(name: PathName, cameras: Cameras, frames: int) -> Cameras:
    """A path of `frames` views in the neighbourhood of the captured ones, all of one size.

    Args:
        name: which kind of path.
        cameras: the captured views, in the order of capture.
        frames: how many views, at least 1.

    Raises:
        UserError: the cameras do not determine such a path, or `frames` is less than 1.
    """
    if frames < 1:
        raise UserError(f"a path of {frames} frames was asked for; --frames takes 1 or more")
    if not len(cameras):
        raise UserError("there is no camera to lay a path through; at least one view was expected")
    return _PATHS[name](cameras, frames)


def focus_point(cameras: Cameras) -> Float[ndarray, "3"] | None:
    """The point nearest to all optical axes in the least-squares sense; None where the axes are parallel.

    The squared distance of p to the line c + s d is |(I - d d^T)(p - c)|^2; its sum is least where
    sum (I - d d^T) p = sum (I - d d^T) c.
    """
    c2w = _c2w(cameras)
    across = np.eye(3) - np.einsum("ni,nj->nij", c2w[:, :3, 2], c2w[:, :3, 2])
    normal_matrix = across.mean(0)
    if np.linalg.eigvalsh(normal_matrix)[0] < _PARALLEL:
        return None
    return np.linalg.solve(normal_matrix, np.einsum("nij,nj->i", across, c2w[:, :3, 3]) / len(c2w))


def orbit(cameras: Cameras, frames: int) -> Cameras:
    """A closed path around the point the cameras look at, at their median distance and height.

    It is a full circle when cameras stand all around. Where they leave a wide gap, it swings over the side
    they do cover and back, since nothing is known of the other side.

    Raises:
        UserError: the cameras do not look at a common point.
    """
    c2w = _c2w(cameras)
    focus = focus_point(cameras)
    if focus is None or np.median(np.einsum("ni,ni->n", focus - c2w[:, :3, 3], c2w[:, :3, 2])) <= 0:
        raise UserError(
            "the cameras do not look at one point, so there is nothing to orbit; use --path spline"
        )
    up = _mean_up(c2w)
    ahead, side = _plane(up)
    offsets = c2w[:, :3, 3] - focus
    azimuths = np.arctan2(offsets @ side, offsets @ ahead)
    radius = np.median(np.hypot(offsets @ side, offsets @ ahead))
    height = np.median(offsets @ up)
    angles = _closed_azimuths(azimuths, frames)[:, None]
    centers = focus + height * up + radius * (np.cos(angles) * ahead + np.sin(angles) * side)
    return _posed(cameras, _looking(centers, focus, up))


def spiral(cameras: Cameras, frames: int, turns: int = 2) -> Cameras:
    """A closed spiral about the most central camera, looking at what the cameras look at.

    Its extent is that of the capture, but at most 0.3 of the distance to the point looked at; without such a
    point the views stay parallel.
    """
    c2w = _c2w(cameras)
    central = c2w[np.argmin(np.linalg.norm(c2w[:, :3, 3] - c2w[:, :3, 3].mean(0), axis=1))]
    rotation, center = central[:3, :3], central[:3, 3]
    focus = focus_point(cameras)
    if focus is not None and (focus - center) @ rotation[:, 2] <= 0:
        focus = None
    radii = np.percentile(np.abs((c2w[:, :3, 3] - center) @ rotation), 80, axis=0)
    if focus is not None:
        radii = np.minimum(radii, 0.3 * np.linalg.norm(focus - center))
    phase = np.arange(frames) / frames * 2 * np.pi
    local = np.stack([np.cos(turns * phase), np.sin(turns * phase), np.sin(phase)], axis=1) * radii
    centers = center + local @ rotation.T
    if focus is None:
        return _posed(cameras, _rigid(np.broadcast_to(rotation, (frames, 3, 3)), centers))
    return _posed(cameras, _looking(centers, focus, -rotation[:, 1]))


def spline(cameras: Cameras, frames: int) -> Cameras:
    """A smooth path from the first camera to the last, at an even pace.

    Captures have far more views than a smooth path needs; one key every eight frames is kept, evenly chosen.

    Raises:
        UserError: there are fewer than two cameras.
    """
    keys = np.linspace(0, len(cameras) - 1, min(len(cameras), max(2, frames // _FRAMES_PER_KEY + 1)))
    curve = PoseCurve.through(_c2w(cameras)[np.round(keys).astype(int)])
    return _posed(cameras, curve(np.linspace(0, curve.times[-1], frames)))


@dataclass(frozen=True)
class PoseCurve:
    """A curve through poses: Catmull-Rom for the centres, a spline with continuous turning for the rotations.

    Args:
        times: the parameter of each key, from 0: the way travelled plus the scene's size times the turn.
        center: centres by parameter.
        rotation: rotations by parameter.
    """

    times: Float[ndarray, " K"]
    center: CubicHermiteSpline
    rotation: RotationSpline

    @classmethod
    def through(cls, c2w: Float[ndarray, "K 4 4"]) -> "PoseCurve":
        """The curve that passes through all K poses.

        Raises:
            UserError: there are fewer than two poses.
        """
        if len(c2w) < 2:
            raise UserError(
                f"a path through cameras needs at least 2 of them, got {len(c2w)}; use --path spiral"
            )
        centers, rotations = c2w[:, :3, 3], Rotation.from_matrix(c2w[:, :3, :3])
        extent = np.linalg.norm(centers - centers.mean(0), axis=1).max() or 1.0
        turned = (rotations[:-1].inv() * rotations[1:]).magnitude()
        steps = np.linalg.norm(np.diff(centers, axis=0), axis=1) + extent * turned
        steps = np.maximum(steps, 1e-3 * (steps.mean() or 1.0))  # the same pose twice still takes its time
        times = np.concatenate([[0.0], np.cumsum(steps)])
        slopes = np.gradient(centers, times, axis=0)
        return cls(times, CubicHermiteSpline(times, centers, slopes), RotationSpline(times, rotations))

    def __call__(self, at: Float[ndarray, " F"]) -> Float[ndarray, "F 4 4"]:
        """Poses at parameters within the range of `times`."""
        return _rigid(self.rotation(at).as_matrix(), self.center(at))


_PATHS: dict[PathName, Callable[[Cameras, int], Cameras]] = {
    "orbit": orbit,
    "spline": spline,
    "spiral": spiral,
}


def _c2w(cameras: Cameras) -> Float[ndarray, "C 4 4"]:
    return cameras.c2w.detach().cpu().double().numpy()


def _posed(like: Cameras, c2w: Float[ndarray, "F 4 4"]) -> Cameras:
    """Cameras at these poses with the commonest size in `like`, and the middle focal length of that size."""
    sizes = list(zip(like.width.tolist(), like.height.tolist(), strict=True))
    size = Counter(sizes).most_common(1)[0][0]
    rows = [row for row, other in enumerate(sizes) if other == size]
    focal = like.Ks[rows, 0, 0]
    K = like.Ks[rows[int(focal.argsort()[len(rows) // 2])]]
    width, height = (torch.full((len(c2w),), side, dtype=like.width.dtype) for side in size)
    return Cameras(
        invert_se3(torch.from_numpy(c2w)).to(like.viewmats), K.repeat(len(c2w), 1, 1), width, height
    )


def _looking(
    centers: Float[ndarray, "F 3"], target: Float[ndarray, "3"], up: Float[ndarray, "3"]
) -> Float[ndarray, "F 4 4"]:
    return look_at(*(torch.from_numpy(np.ascontiguousarray(a)) for a in (centers, target, up))).numpy()


def _rigid(rotations: Float[ndarray, "F 3 3"], centers: Float[ndarray, "F 3"]) -> Float[ndarray, "F 4 4"]:
    c2w = np.broadcast_to(np.eye(4), (len(centers), 4, 4)).copy()
    c2w[:, :3, :3] = rotations
    c2w[:, :3, 3] = centers
    return c2w


def _mean_up(c2w: Float[ndarray, "C 4 4"]) -> Float[ndarray, "3"]:
    up = -c2w[:, :3, 1].mean(0)
    length = np.linalg.norm(up)
    return up / length if length > 0.1 else -c2w[0, :3, 1]  # rolled every way: one camera has to decide


def _plane(normal: Float[ndarray, "3"]) -> tuple[Float[ndarray, "3"], Float[ndarray, "3"]]:
    """Two unit vectors that make a right-handed frame with `normal`."""
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    return first, np.cross(normal, first)


def _closed_azimuths(azimuths: Float[ndarray, " C"], frames: int) -> Float[ndarray, " F"]:
    """Angles of a closed path: all the way round, or over the arc that `azimuths` cover and back."""
    phase = np.arange(frames) / frames * 2 * np.pi
    around = np.sort(azimuths)
    gaps = np.diff(around, append=around[0] + 2 * np.pi)
    widest = int(np.argmax(gaps))
    if gaps[widest] <= _WIDEST_GAP:
        return around[0] + phase
    start, arc = around[(widest + 1) % len(around)], 2 * np.pi - gaps[widest]
    return start + arc * (1 - np.cos(phase)) / 2
