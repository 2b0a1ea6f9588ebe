"""Dense inverse search, the optical flow that needs no weights."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor


class DisFlow:
    """OpenCV's DIS on grey images.

    Source: T. Kroeger et al., "Fast optical flow using dense inverse search", 2016.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(
        self, source: UInt8[Tensor, "H W 3"], target: UInt8[Tensor, "H W 3"]
    ) -> Float[Tensor, "H W 2"]:
        """Displacements (x, y) in pixels from the source's pixels, on the source's device."""
        flow = self._dis.calc(_grey(source), _grey(target), np.zeros((*source.shape[:2], 2), np.float32))
        return torch.from_numpy(flow).to(source.device)


def _grey(frame: UInt8[Tensor, "H W 3"]) -> UInt8[ndarray, "H W"]:
    return cv2.cvtColor(frame.cpu().numpy(), cv2.COLOR_RGB2GRAY)
