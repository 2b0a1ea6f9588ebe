"""Predictions of videos: cameras, and for each frame what moves and how deep it is.

Ours and those that DAS3R published; see `scene.prediction_layout`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from torch import Tensor

from scene.datasets.lenses import Lens
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader, SourceScene, SourceView
from scene.images import read_header
from scene.prediction_layout import find_layout
from scene.prediction_reading import Crop, StoredPrediction, full_size_cameras, open_prediction
from scene.stored_frames import read_facts


@dataclass(frozen=True)
class Window:
    """Which part of an image the working images of a predictor show.

    Args:
        crop: that part, in pixels of the frame.
        frame_size: width and height of the frame, in pixels.
        width: of the image, which shows the whole frame at another size, in pixels.
        height: likewise.
    """

    crop: Crop
    frame_size: tuple[int, int]
    width: int
    height: int

    def spread(self, values: Float32[ndarray, "h w"]) -> Float32[ndarray, "H W"]:
        """A map of the working size as one of the image, interpolated; its edges go on beyond the part."""
        left, top, crop_width, crop_height = self.crop
        frame_width, frame_height = self.frame_size
        # Pixels of the part for each pixel of the image.
        x_step, y_step = frame_width / self.width, frame_height / self.height
        rows, columns = values.shape
        x_factor, y_factor = columns / crop_width, rows / crop_height
        shrinks = (max(1, round(columns / (x_step * x_factor))), max(1, round(rows / (y_step * y_factor))))
        if shrinks[0] < columns and shrinks[1] < rows:  # averaged first, so that no pixel is passed over
            values = cv2.resize(values, shrinks, interpolation=cv2.INTER_AREA)
            x_factor, y_factor = values.shape[1] / crop_width, values.shape[0] / crop_height
        # Centres of pixels are at +0.5 in our images and at whole numbers in cv2's.
        matrix = np.array(
            [
                [x_step * x_factor, 0, (0.5 * x_step - left) * x_factor - 0.5],
                [0, y_step * y_factor, (0.5 * y_step - top) * y_factor - 0.5],
            ]
        )
        size, flags = (self.width, self.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def covered(self) -> Bool[ndarray, "H W"]:
        """True where the centre of a pixel of the image lies in the part."""
        left, top, width, height = self.crop
        x = (np.arange(self.width) + 0.5) * self.frame_size[0] / self.width - left
        y = (np.arange(self.height) + 0.5) * self.frame_size[1] / self.height - top
        return ((y >= 0) & (y <= height))[:, None] & ((x >= 0) & (x <= width))


@dataclass(frozen=True)
class FrameMaps:
    """What a predictor says of one frame, kept at its working size.

    Args:
        window: how that size lies in the image.
        mask: True where something moves.
        probability: how likely that is.
        depth: z-depth in world units, 0 = none.
    """

    window: Window
    mask: Bool[Tensor, "h w"]
    probability: Float[Tensor, "h w"]
    depth: Float[Tensor, "h w"]

    def dynamic_mask(self) -> Bool[Tensor, "H W"]:
        """True where something moves; beyond the part that was looked at, as at its edge."""
        spread = self.window.spread(self.mask.float().numpy())
        return torch.from_numpy(spread >= 0.5)

    def dynamic_probability(self) -> Float[Tensor, "H W"]:
        """In [0, 1]; beyond the part that was looked at, as at its edge."""
        return torch.from_numpy(self.window.spread(self.probability.numpy()))

    def inverse_depth(self) -> Float[Tensor, "H W"]:
        """1/z, 0 = none; the mean of the neighbours with a depth, where at least half have one."""
        known = self.depth > 0
        inverse = torch.where(known, 1 / self.depth, 0)
        weights = self.window.spread(known.float().numpy())
        sums = self.window.spread(inverse.numpy())
        means = np.where(self.window.covered() & (weights >= 0.5), sums / np.maximum(weights, 0.5), 0)
        return torch.from_numpy(means.astype(np.float32))


def _detect(source: Path) -> bool:
    return find_layout(source) is not None


def _read(source: Path, options: CaptureOptions) -> SourceScene:
    stored = open_prediction(source)
    header = read_header(stored.frames[0])
    size = (header.width, header.height)
    cameras = full_size_cameras(stored.cameras, stored.crop, *size)
    viewmats, Ks = cameras.viewmats.double().numpy(), cameras.Ks.double().numpy()
    times = _times(source, len(stored.frames))
    views = [
        SourceView(
            path.name,
            path,
            viewmats[row],
            Lens("PINHOLE", tuple(Ks[row][[0, 1, 0, 1], [0, 1, 2, 2]].tolist()), *size),
            time=times[row],
            maps=_maps_of(stored, row, size),
        )
        for row, path in enumerate(stored.frames)
    ]
    assurance = stored.assurance
    filled = int((~stored.registered).sum())
    notes = [f"cameras by {stored.predictor}, {assurance.level} assurance", *assurance.sentences]
    if filled:
        notes.append(f"the cameras of {filled} of {len(views)} frames were filled in from their neighbours")
    return SourceScene(views, stored.points(), tuple(notes), needs_points=False)


def _maps_of(stored: StoredPrediction, row: int, size: tuple[int, int]) -> Callable[[int, int], FrameMaps]:
    return partial(_read_maps, stored, row, size)


def _read_maps(
    stored: StoredPrediction, row: int, size: tuple[int, int], width: int, height: int
) -> FrameMaps:
    """Read the maps of a frame for an image of `width` x `height`.

    Raises:
        UserError: a file is missing or broken.
    """
    depth = torch.where(stored.confidence(row) > 0, stored.depth(row), 0)
    window = Window(stored.crop, size, width, height)
    return FrameMaps(window, stored.mask(row), stored.probability(row), depth)


def _times(source: Path, count: int) -> list[float]:
    """Positions in the sequence, in [0, 1]; even where nothing else is known."""
    facts = read_facts(source)
    seconds = list(range(count)) if facts is None or len(facts) != count else facts.times_s
    span = seconds[-1] - seconds[0]
    return [(second - seconds[0]) / span if span else 0.0 for second in seconds]


def _test_images(_source: Path) -> tuple[str, ...]:
    return ()


READER = Reader("prediction", "prediction.json or pred_traj.txt (DAS3R)", _detect, _read, _test_images)
"""Predictions of videos."""
