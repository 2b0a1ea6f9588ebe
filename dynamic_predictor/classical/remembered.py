"""Flows between the frames of one clip, each computed once."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from dynamic_predictor.flow import Flow


class RememberedFlow:
    """A flow that is asked again for the same two frames answers from memory, as 16-bit floats.

    A clip of N frames keeps about 10 N flows: 0.35 GB for 60 frames of 512x288.

    Args:
        flow: computes what is not known yet.
        frames: the clip; what is asked for must be among these very tensors.
    """

    def __init__(self, flow: Flow, frames: Sequence[UInt8[Tensor, "H W 3"]]) -> None:
        self._flow = flow
        self._frames = tuple(frames)
        self._rows = {frame.data_ptr(): row for row, frame in enumerate(self._frames)}
        self._known: dict[tuple[int, int], Float[Tensor, "H W 2"]] = {}

    def __call__(
        self,
        source: UInt8[Tensor, "H W 3"],
        target: UInt8[Tensor, "H W 3"],
        initial: Float[Tensor, "H W 2"] | None = None,
    ) -> Float[Tensor, "H W 2"]:
        """Displacements (x, y) in pixels from the source's pixels; `initial` matters the first time only."""
        pair = self._rows[source.data_ptr()], self._rows[target.data_ptr()]
        if pair not in self._known:
            self._known[pair] = self._flow(source, target, initial).half()
        return self._known[pair].float()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames."""
        return self._frames[0].shape[1], self._frames[0].shape[0]

    def __len__(self) -> int:
        return len(self._frames)

    def between(self, source: int, target: int) -> Float[ndarray, "H W 2"] | None:
        """The flow from one row of the clip to another; None where there is no such row."""
        if not 0 <= target < len(self._frames):
            return None
        return self(self._frames[source], self._frames[target]).numpy()


def places(height: int, width: int) -> Float[ndarray, "H W 2"]:
    """Columns and rows (x, y) of pixels, as `cv2.remap` counts them: the first is (0, 0)."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)


def sampled(image: Float[ndarray, "H W *C"], target: Float[ndarray, "h w 2"]) -> Float[ndarray, "h w *C"]:
    """Bilinear samples of an image at columns and rows (x, y), counted as by `places`; 0 outside of it."""
    x, y = (np.ascontiguousarray(target[..., axis], np.float32) for axis in range(2))
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)


def as_array(frame: UInt8[Tensor, "H W 3"]) -> Float[ndarray, "H W 3"]:
    """A frame with values in [0, 1]."""
    return frame.to(torch.float32).div(255).numpy()
