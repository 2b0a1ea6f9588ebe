"""What the reader of a data set hands on: views as the source describes them, no image looked at yet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Float64
from numpy import ndarray
from torch import Tensor

from scene.capture import PointCloud
from scene.datasets.lenses import Lens
from scene.datasets.options import CaptureOptions


@runtime_checkable
class PredictedMaps(Protocol):
    """What a predictor says of a view, at the size that the view is used at; made anew by every call."""

    def dynamic_mask(self) -> Bool[Tensor, "H W"]:
        """True where something moves."""
        ...

    def dynamic_probability(self) -> Float[Tensor, "H W"]:
        """In [0, 1], how likely it is that something moves."""
        ...

    def inverse_depth(self) -> Float[Tensor, "H W"]:
        """1/z in world units, 0 = none."""
        ...


@dataclass(frozen=True)
class SourceView:
    """One view.

    Args:
        name: file name relative to the image folder, with extension.
        path: of the image; it may be missing.
        viewmat: camera-from-world, OpenCV axes.
        lens: with its numbers at whatever image size the source states.
        mask_path: of a mask whose zeros are left out of training, if the source names one.
        time: position in the sequence, in [0, 1], if the source is one.
        maps: reads what a predictor says of the view, for an image of a given width and height.
    """

    name: str
    path: Path
    viewmat: Float64[ndarray, "4 4"]
    lens: Lens
    mask_path: Path | None = None
    time: float | None = None
    maps: Callable[[int, int], PredictedMaps] | None = None


@dataclass(frozen=True)
class SourceScene:
    """All that a source says.

    Args:
        views: in any order.
        points: initial points; None where the source has no file of them, empty where that file is.
        notes: what was skipped or changed, as sentences.
        needs_points: whether random points stand in for missing ones.
    """

    views: list[SourceView]
    points: PointCloud | None = None
    notes: tuple[str, ...] = ()
    needs_points: bool = True


class Reader(NamedTuple):
    """One kind of data set.

    Args:
        name: as in `CaptureOptions.source_format`.
        marks: the files that tell it, for messages.
        detect: whether a folder is of this kind.
        read: its views and points.
        test_images: names of the images that it asks to hold out.
    """

    name: str
    marks: str
    detect: Callable[[Path], bool]
    read: Callable[[Path, CaptureOptions], SourceScene]
    test_images: Callable[[Path], tuple[str, ...]]
