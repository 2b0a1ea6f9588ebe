"""The videos that a run on a video ends with: its static scene, and that beside what was filmed."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray

from core.progress import Progress
from core.video import video_writer
from gaussian_renderer.views import ImageFormation, draw
from scene.trajectories import novel_path
from training.runs import TrainedRun

FPS = 30.0
"""Frames per second where the capture does not say."""

_WIDEST_PX = 2560  # of three pictures side by side: what players on any machine decode
_TINT = np.array([230, 40, 60], np.float32)  # of what moves
_TINT_SHARE = 0.55


def write_showreel(run: TrainedRun, fps: float | None = None, backend: str = "auto") -> None:
    """Write `rendered.mp4`, `rendered_smooth.mp4` and `side_by_side.mp4` into the folder of a run.

    The first follows the cameras of the capture, the second a smooth path through some of them; the third has
    the photograph, what moves in it, and the static scene from the same place.

    Args:
        run: of views of one size, in the order of time.
        fps: frames per second; by default those of the video that was trained on.
        backend: who draws.

    Raises:
        UserError: a file cannot be written, an image does not decode, or a back-end cannot draw.
    """
    rates = (fps, run.fps, FPS)
    rate = next(rate for rate in rates if rate is not None)
    formation = ImageFormation(run.background, run.antialiased, backend)
    rendered, smooth, beside = run.folder.showreel
    cameras = run.capture.cameras
    develop = run.develop(range(len(cameras)), sharp=True)
    with Progress(2 * len(cameras), label="videos") as progress:
        with video_writer(rendered, rate) as video, video_writer(beside, rate) as triptych:
            for row, view in enumerate(draw(run.splats, cameras, formation, develop=develop)):
                image = view.image
                video.write(image)
                masks = run.capture.dynamic_masks
                mask = None if masks is None else masks[row].numpy()
                triptych.write(side_by_side(run.capture.images[row].numpy(), mask, image))
                progress.advance()
        with video_writer(smooth, rate) as video:
            path = novel_path("spline", cameras, len(cameras))
            for view in draw(run.splats, path, formation, develop=run.mean_exposure()):
                video.write(view.image)
                progress.advance()


def side_by_side(
    photograph: UInt8[ndarray, "H W 3"], mask: Bool[ndarray, "H W"] | None, static: UInt8[ndarray, "H W 3"]
) -> UInt8[ndarray, "h w 3"]:
    """Three pictures in a row: the photograph, the photograph with what moves tinted, the static scene."""
    pictures = np.concatenate([photograph, tinted(photograph, mask), static], axis=1)
    height, width = pictures.shape[:2]
    if width <= _WIDEST_PX:
        return pictures
    size = (_WIDEST_PX, max(2, round(height * _WIDEST_PX / width)))
    return cv2.resize(pictures, size, interpolation=cv2.INTER_AREA)


def tinted(photograph: UInt8[ndarray, "H W 3"], mask: Bool[ndarray, "H W"] | None) -> UInt8[ndarray, "H W 3"]:
    """The photograph with what the mask covers in a signal colour."""
    if mask is None:
        return photograph
    gray = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    mixed = (1 - _TINT_SHARE) * gray + _TINT_SHARE * _TINT
    return np.where(mask[..., None], mixed.round().astype(np.uint8), photograph)
