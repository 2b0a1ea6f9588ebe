"""What moves, put back into held-out frames: as the frames around them show it.

The scene of a video holds what stands still, in the light that falls where nothing moves. A frame between two
others shows more: things that move, their shadows, people that no annotation names. All of that lies in the
masks of its neighbours and goes from one to the other along the optical flow. Inside the masks so carried a
composite has the photographs between which the frame lies; everywhere else it has the scene. No pixel of the
held-out frame takes part.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from torch import Tensor

from evaluation.flow_interpolation import along, motion_between
from gaussian_renderer.views import Develop
from scene.capture import Capture

_MARGIN_PX = 5  # across: rims are half a thing's colour, and masks end a pixel early


def with_moving(
    capture: Capture, train: Sequence[int], rows: Sequence[int], develop: Develop | None
) -> Develop | None:
    """What becomes of the drawn scene in frames that did not train, with what moves put back.

    Args:
        capture: of a video, its frames in the order of time.
        train: its rows that trained.
        rows: of the views, each.
        develop: what their cameras make of the drawn scene; it comes first.

    Returns:
        `develop` itself where nothing is known to move.
    """
    masks, images = capture.dynamic_masks, capture.images
    if masks is None:
        return develop

    def composite(image: Float[Tensor, "H W 3"], view: int) -> Float[Tensor, "H W 3"]:
        image = image if develop is None else develop(image, view)
        around = neighbours(rows[view], train)
        if around is None:
            return image
        before, after = around
        at = (rows[view] - before) / (after - before)
        motion = motion_between(images[before], images[after], at)
        ends = (_photograph(images[before].numpy()), _photograph(images[after].numpy()))
        covers = (_cover(masks[before].numpy()), _cover(masks[after].numpy()))
        photograph, cover = (torch.from_numpy(along(motion, *pair, at)).to(image) for pair in (ends, covers))
        return torch.lerp(image, photograph, cover[..., None])

    return composite


def neighbours(row: int, train: Sequence[int]) -> tuple[int, int] | None:
    """The training frames before and after a frame; None at an end of the clip, where one is missing."""
    before, after = [other for other in train if other < row], [other for other in train if other > row]
    return (max(before), min(after)) if before and after else None


def _photograph(image: ndarray) -> Float32[ndarray, "H W 3"]:
    return image.astype(np.float32) / 255


def _cover(moving: Bool[ndarray, "H W"]) -> Float32[ndarray, "H W"]:
    return cv2.dilate(moving.astype(np.float32), np.ones((_MARGIN_PX, _MARGIN_PX), np.uint8))
