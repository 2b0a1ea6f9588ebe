"""Whether pose and camera of a view can be used, and whether its image is the way up of its camera."""

import numpy as np

from core.errors import UserError
from scene.datasets.source import SourceView

# How far a pose may be from a rotation: more than the digits of a text file take away.
_RIGID_TOLERANCE = 1e-2


def check_view(view: SourceView) -> None:
    """Refuse a view that cannot be drawn.

    Raises:
        UserError: its pose is no finite rotation and translation, or its camera is broken or sees all around.
    """
    _check_pose(view)
    _check_lens(view)


def check_orientation(view: SourceView, width: int, height: int) -> None:
    """Refuse an image that lies on its side where its camera stands, or the other way round.

    Args:
        view: whose image it is.
        width: of the image, in pixels.
        height: likewise.

    Raises:
        UserError: one of the two is rotated.
    """
    if (width - height) * (view.lens.width - view.lens.height) < 0:
        raise UserError(
            f"{view.path} is {width}x{height}, but its camera was calibrated for "
            f"{view.lens.width}x{view.lens.height}: one of the two is rotated; rotate the image"
        )


def _check_pose(view: SourceView) -> None:
    if not np.isfinite(view.viewmat).all():
        raise UserError(f"the pose of {view.name} is not finite; remove the view or mend its numbers")
    rotation = view.viewmat[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _RIGID_TOLERANCE or np.linalg.det(rotation) < 0:
        raise UserError(f"the pose of {view.name} is no rotation and translation; a rigid pose was expected")


def _check_lens(view: SourceView) -> None:
    lens = view.lens
    if not np.isfinite(lens.params).all() or lens.width < 1 or lens.height < 1:
        raise UserError(
            f"the camera of {view.name} is broken: {lens}; finite numbers and a size were expected"
        )
    if lens.is_spherical:
        raise UserError(f"{view.name} was taken by a camera that sees all around; cut it into pinhole images")
    if lens.K(lens.width, lens.height).diagonal().min() <= 0:
        raise UserError(f"the camera of {view.name} is broken: {lens}; a positive focal length was expected")
