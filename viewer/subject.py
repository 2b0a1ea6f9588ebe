"""What a page shows, whichever method it comes from, and what one who looks at it may wish for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from scene.cameras import Cameras
from scene.splats import Splats

Picture = UInt8[ndarray, "_H _W 3"]
"""8-bit sRGB."""

RENDER, DEPTH, ALPHA, PHOTOGRAPH, ERROR = "render", "depth", "alpha", "ground truth", "error"
"""Channels that every method has; the last two are there only where a camera of the capture stood."""

AT_VIEWS = frozenset({PHOTOGRAPH, ERROR, "masks", "staticness"})
"""Channels that need a photograph: a page draws them only from a known view."""


@dataclass(frozen=True)
class Wish:
    """How one who looks wants to see a subject. Pages check what browsers send: a wish can be fulfilled.

    Args:
        channel: one of the subject's.
        scale: by which the standard deviations of all Gaussians are multiplied, above 0.
        sh_degree: of colours, 0 to 3; what is not stored is not asked for.
        crop: opposite corners of the box outside of which Gaussians are left out; None = all are drawn.
        time_s: within the subject's moments; None where it has none.
        layer: one of the subject's; "" where it has none.
        view: the known view in whose place the camera stands; None = anywhere.
    """

    channel: str = RENDER
    scale: float = 1.0
    sh_degree: int = 3
    crop: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    time_s: float | None = None
    layer: str = ""
    view: int | None = None


@dataclass(frozen=True)
class KnownView:
    """A camera of the capture.

    Args:
        name: of its image.
        camera: one.
        trained: whether it trained, or was held out.
        time_s: when it was taken, seconds since the first; None where that means nothing.
        group: the camera of a rig that took it; "" elsewhere.
    """

    name: str
    camera: Cameras
    trained: bool = True
    time_s: float | None = None
    group: str = ""


@dataclass(frozen=True)
class Extent:
    """Where a subject is in the world.

    Args:
        low: corner of the box that holds nearly all of it.
        high: the opposite corner.
        up: the direction that points up, a unit vector.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    up: tuple[float, float, float]

    @property
    def size(self) -> float:
        """The diagonal of the box."""
        return sum((b - a) ** 2 for a, b in zip(self.low, self.high, strict=True)) ** 0.5


@runtime_checkable
class Subject(Protocol):
    """What a page shows. It is asked from several threads at a time."""

    @property
    def title(self) -> str:
        """What to call it."""
        ...

    @property
    def folder(self) -> Path | None:
        """Of the run, into which recorded paths are written; None where there is none."""
        ...

    @property
    def views(self) -> Sequence[KnownView]:
        """The cameras of its capture, in the order of capture."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """What may be drawn, `RENDER` first."""
        ...

    @property
    def layers(self) -> tuple[str, ...]:
        """Parts that may be drawn by themselves, the whole first; empty where there are none."""
        ...

    @property
    def moments_s(self) -> tuple[float, ...]:
        """The times of its frames, seconds, ascending; empty where nothing moves."""
        ...

    @property
    def extent(self) -> Extent:
        """Where it is."""
        ...

    @property
    def count(self) -> int:
        """How many Gaussians it has now."""
        ...

    @property
    def version(self) -> int:
        """Grows whenever pictures of the same wish become different ones, as during a training."""
        ...

    @property
    def paths(self) -> Mapping[str, Float[ndarray, "P 3"]]:
        """Lines through the world worth seeing, such as the recovered path of a camera, by name."""
        ...

    def photograph(self, view: int) -> UInt8[Tensor, "H W 3"] | None:
        """The image of a known view; None where there is none.

        Raises:
            UserError: its file does not decode.
        """
        ...

    def splats(self, wish: Wish) -> Splats:
        """The Gaussians that `draw` would draw, for browsers that draw by themselves; on the CPU."""
        ...

    def draw(self, camera: Cameras, wish: Wish) -> Picture:
        """What one camera sees.

        Args:
            camera: one, anywhere; where `wish.view` is set, that view's, on an image of any size.
            wish: how.

        Raises:
            UserError: a photograph does not decode, or the back-end cannot draw.
        """
        ...
