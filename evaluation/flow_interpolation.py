"""Held-out frames without any 3D: the two neighbours, warped half-way along their optical flow and blended.

A baseline. What a reconstruction cannot beat here is explained by the video being smooth, not by the scene.
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

    Source: T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, for the flow.
    """
    first, last = before.numpy(), after.numpy()
    # The flow that a pixel of the frame in between has: as found where it leads, to first order.
    ahead, back = _flow(first, last), _flow(last, first)
    motion = (_warp(ahead, -at * ahead) - _warp(back, (at - 1) * back)) / 2
    parts = _warp(first.astype(np.float32), -at * motion), _warp(last.astype(np.float32), (1 - at) * motion)
    blend = (1 - at) * parts[0] + at * parts[1]
    return torch.from_numpy(np.clip(blend + 0.5, 0, 255).astype(np.uint8))


def _flow(source: UInt8[ndarray, "H W 3"], target: UInt8[ndarray, "H W 3"]) -> Flow:
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (source, target)]
    if min(gray[0].shape) < _SMALLEST_SIDE:
        return np.zeros((*gray[0].shape, 2), np.float32)  # DIS has no patches in there
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dis.calc(gray[0], gray[1], None)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _warp(values: Float32[ndarray, "H W C"], flow: Flow) -> Float32[ndarray, "H W C"]:
    """What lies where the flow of each pixel leads; beyond the border, as at it."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(
        values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
