"""What lies in time between two frames, without any 3D: both warped part of the way along their optical flow.

Of photographs it is a baseline: what a reconstruction cannot beat here is explained by the video being
smooth, not by the scene.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy import ndarray
from torch import Tensor

_SMALLEST_SIDE = 12  # in pixels

Flow = Float32[ndarray, "H W 2"]
"""Pixels to the right and downwards, from a pixel of one frame to the same thing in another."""


def interpolate(
    before: UInt8[Tensor, "H W 3"], after: UInt8[Tensor, "H W 3"], at: float = 0.5
) -> UInt8[Tensor, "H W 3"]:
    """The frame between two others, by the DIS flow both ways.

    Args:
        before: the earlier frame.
        after: the later one.
        at: where between them, from 0 to 1.
    """
    first, last = before.numpy(), after.numpy()
    motion = motion_between(before, after, at)
    blend = along(motion, first.astype(np.float32), last.astype(np.float32), at)
    return torch.from_numpy(np.clip(blend + 0.5, 0, 255).astype(np.uint8))


def motion_between(before: UInt8[Tensor, "H W 3"], after: UInt8[Tensor, "H W 3"], at: float = 0.5) -> Flow:
    """The motion from one frame to another of what each pixel of a frame in between shows.

    Args:
        before: the earlier frame.
        after: the later one.
        at: where between them the pixels are, from 0 to 1.

    Source: T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, for the flow.
    """
    ahead, back = _flow(before.numpy(), after.numpy()), _flow(after.numpy(), before.numpy())
    # As found where it leads, to first order.
    return (_warp(ahead, -at * ahead) - _warp(back, (at - 1) * back)) / 2


def along(
    motion: Flow, before: Float32[ndarray, "H W *C"], after: Float32[ndarray, "H W *C"], at: float = 0.5
) -> Float32[ndarray, "H W *C"]:
    """The mean of two frames' values along the motion between them, the nearer frame's weighing more.

    Args:
        motion: as `motion_between` gives it for `at`.
        before: values of the earlier frame.
        after: of the later one.
        at: where between them, from 0 to 1.
    """
    return (1 - at) * _warp(before, -at * motion) + at * _warp(after, (1 - at) * motion)


def _flow(source: UInt8[ndarray, "H W 3"], target: UInt8[ndarray, "H W 3"]) -> Flow:
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (source, target)]
    if min(gray[0].shape) < _SMALLEST_SIDE:
        return np.zeros((*gray[0].shape, 2), np.float32)  # DIS has no patches in there
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dis.calc(gray[0], gray[1], None)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _warp(values: Float32[ndarray, "H W *C"], flow: Flow) -> Float32[ndarray, "H W *C"]:
    """What lies where the flow of each pixel leads; beyond the border, as at it."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(
        values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
