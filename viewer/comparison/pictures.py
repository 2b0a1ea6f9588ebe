"""Pictures of a view that all runs have: the photograph, what each run makes of it, maps of errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize
from core.errors import UserError
from core.images import read_image
from evaluation.image_metrics import squared_error
from evaluation.report.views import ERROR_MAP, LARGEST_ERROR
from viewer.comparison.runs import RunView

Picture = UInt8[ndarray, "_ _ 3"]
Size = tuple[int, int]
"""Width and height in pixels."""

LARGEST_GAIN = LARGEST_ERROR / 2
"""Of the range of colours; shown as the last colours of maps of who is nearer."""

GAIN_MAP = "RdBu"
"""The colours of maps of who is nearer to the photograph: red is the first run, white nobody."""


@dataclass(frozen=True)
class ViewPictures:
    """A view in pictures.

    Args:
        photograph: in the largest size that a run was rendered in.
        renders: of each run, in its own size.
        errors: of each run, in its own size, as colours: root mean square over the channels.
        differences: of each other run and the first, in the smaller of their sizes, likewise.
        gains: of each other run over the first: where it is nearer to the photograph, and where farther.
    """

    photograph: Picture
    renders: tuple[Picture, ...]
    errors: tuple[Picture, ...]
    differences: tuple[Picture, ...]
    gains: tuple[Picture, ...]

    @property
    def sizes(self) -> list[Size]:
        """Of the renderings."""
        return [size_of(render) for render in self.renders]


def read_pictures(views: Sequence[RunView]) -> ViewPictures:
    """Read what each run has of a view.

    Raises:
        UserError: an image does not decode, or a rendering and its photograph differ in size.
    """
    pairs = [read_pair(view) for view in views]
    largest = max((photograph for _, photograph in pairs), key=lambda each: each.shape[0] * each.shape[1])
    first = pairs[0]
    together = [_reduced(first, other) for other in pairs[1:]]
    return ViewPictures(
        photograph=largest,
        renders=tuple(render for render, _ in pairs),
        errors=tuple(_heat(_distance(*pair)) for pair in pairs),
        differences=tuple(_heat(_distance(ours[0], other[0])) for ours, other in together),
        gains=tuple(_signed(_distance(*ours) - _distance(*other)) for ours, other in together),
    )


def read_pair(view: RunView) -> tuple[Picture, Picture]:
    """A rendering and its photograph.

    Raises:
        UserError: one does not decode, or they differ in size.
    """
    render, photograph = read_image(view.render), read_image(view.photograph)
    if render.shape != photograph.shape:
        sizes = " and ".join("{}x{}".format(*size_of(each)) for each in (render, photograph))
        raise UserError(f"{view.render} and {view.photograph} differ in size ({sizes}); render the run again")
    return render, photograph


def size_of(image: Picture) -> Size:
    """Width and height."""
    return image.shape[1], image.shape[0]


def in_size(image: Picture, size: Size) -> Picture:
    """An image, reduced to a size if it has another."""
    if size_of(image) == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def smallest(sizes: Sequence[Size]) -> Size:
    """The one of the fewest pixels."""
    return min(sizes, key=lambda size: size[0] * size[1])


Pair = tuple[Picture, Picture]


def _reduced(first: Pair, other: Pair) -> tuple[Pair, Pair]:
    """Two renderings with their photographs, all in the smaller of the two sizes."""
    size = smallest([size_of(first[0]), size_of(other[0])])
    return (in_size(first[0], size), in_size(first[1], size)), (
        in_size(other[0], size),
        in_size(other[1], size),
    )


def _distance(one: Picture, other: Picture) -> Float[Tensor, "H W"]:
    return squared_error(torch.from_numpy(one), torch.from_numpy(other)).sqrt()


def _heat(distance: Float[Tensor, "H W"]) -> Picture:
    return colorize(distance, 0.0, LARGEST_ERROR, ERROR_MAP)


def _signed(gain: Float[Tensor, "H W"]) -> Picture:
    return colorize(gain, -LARGEST_GAIN, LARGEST_GAIN, GAIN_MAP)
