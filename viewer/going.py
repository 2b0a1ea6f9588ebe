"""Browsers' cameras sent to places."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from viewer.eyes import wxyz_of
from viewer.subject import Extent

if TYPE_CHECKING:
    import viser

_LEAST_DISTANCE = 0.05  # of the extent, to the point that a camera turns around


def go(
    client: "viser.ClientHandle", c2w: Float[ndarray, "4 4"], extent: Extent, fov: float | None = None
) -> None:
    """Put a browser's camera into a pose; from there it turns around the middle of what lies ahead.

    Args:
        client: the browser.
        c2w: world-from-camera, OpenCV axes.
        extent: where the scene is.
        fov: vertical, radians; None leaves it.
    """
    position, ahead = c2w[:3, 3], c2w[:3, 2]
    middle = (np.array(extent.low) + np.array(extent.high)) / 2
    distance = max(float((middle - position) @ ahead), _LEAST_DISTANCE * extent.size)
    camera = client.camera
    with client.atomic():
        # Level again, whatever the last pose has left; what the pose itself tilts comes on top.
        if abs(float(ahead @ np.array(extent.up))) < 0.99:
            camera.up_direction = np.array(extent.up)
        camera.wxyz = wxyz_of(c2w[:3, :3])
        camera.position = position
        camera.look_at = position + distance * ahead
        if fov is not None:
            camera.fov = fov
    client.flush()
