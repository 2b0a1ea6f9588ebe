"""Masks of a frame's pictures: what moves, by the labelled boxes, and the sky, by the panoptic labels.

The rectangles are those that published scores of dynamic regions were measured on: a box is drawn when all of
its corners can be projected, as the upright rectangle around them.

Source: D. C. Brown, "Decentering Distortion of Lenses", 1966, for the lens.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from scene.boxes import box_corners
from scene.datasets.waymo.frames import SKY_CLASS, CameraCalibration, CameraImage, Label
from scene.datasets.waymo.wire import WireError

_MOVES_M_S = 1.0
# Beyond these the lens model folds back, and a point far outside would land inside the picture.
_LEAST_STRETCH, _MOST_STRETCH = 0.8, 1.2


def dynamic_mask(labels: Sequence[Label], camera: CameraCalibration) -> Bool[ndarray, "H W"]:
    """True inside the rectangles of boxes faster than 1 m/s.

    Args:
        labels: of the frame.
        camera: that took the picture.
    """
    mask = np.zeros((camera.height, camera.width), bool)
    for label in labelled_with_points(labels):
        rectangle = label_rectangle(label, camera)
        if rectangle is not None and np.hypot(*label.speed) > _MOVES_M_S:
            left, top, right, bottom = rectangle
            mask[top:bottom, left:right] = True
    return mask


def labelled_with_points(labels: Sequence[Label]) -> list[Label]:
    """Labels with returns inside: TOP's where any label counts them, else those of all lasers."""
    counts_top = any(label.top_lidar_points > 0 for label in labels)
    return [label for label in labels if (label.top_lidar_points if counts_top else label.lidar_points) > 0]


def label_rectangle(label: Label, camera: CameraCalibration) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in pixels; None where a corner has no pixel or none is seen.

    Args:
        label: a box.
        camera: that took the picture.
    """
    pixels = project_distorted(box_corners(label_pose(label), label.size_m), camera)
    if np.isnan(pixels).any():
        return None
    pixels = np.clip(pixels, 0, (camera.width, camera.height))
    (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
    if right <= left or bottom <= top:
        return None
    return int(left), int(top), int(right), int(bottom)


def label_pose(label: Label) -> Float64[ndarray, "4 4"]:
    """Vehicle-from-box."""
    cosine, sine = np.cos(label.heading), np.sin(label.heading)
    pose = np.eye(4)
    pose[:2, :2] = [[cosine, -sine], [sine, cosine]]
    pose[:3, 3] = label.center
    return pose


def project_distorted(xyz: Float64[ndarray, "P 3"], camera: CameraCalibration) -> Float64[ndarray, "P 2"]:
    """Pixels of points as the lens shows them, NaN behind the camera and where the lens model folds.

    Args:
        xyz: in the vehicle's frame, metres.
        camera: with all its lens terms.
    """
    f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3 = camera.intrinsic
    pose = camera.vehicle_from_camera
    ahead, left, up = ((xyz - pose[:3, 3]) @ pose[:3, :3]).T
    in_front = ahead > 0
    depth = np.where(in_front, ahead, 1.0)
    u, v = -left / depth, -up / depth
    r2 = u * u + v * v
    stretch = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    sound = in_front & (stretch >= _LEAST_STRETCH) & (stretch <= _MOST_STRETCH)
    u_lens = u * stretch + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    v_lens = v * stretch + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v
    pixels = np.stack([f_u * u_lens + c_u, f_v * v_lens + c_v], axis=-1)
    return np.where(sound[:, None], pixels, np.nan)


def sky_mask(image: CameraImage) -> Bool[ndarray, "H W"] | None:
    """True where the panoptic labels say sky; None for a picture without such labels.

    Raises:
        WireError: the labels do not decode.
    """
    if image.panoptic is None:
        return None
    labels = cv2.imdecode(np.frombuffer(image.panoptic, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.ndim != 2:
        raise WireError("the panoptic labels of a picture do not decode")
    return labels // image.panoptic_divisor == SKY_CLASS
