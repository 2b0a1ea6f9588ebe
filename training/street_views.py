"""A trained street with its log, and its views as pictures."""

import time
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize_depth
from core.images import to_uint8, write_png
from core.run_folder import RunFolder
from scene.cameras import Cameras
from scene.capture import Capture
from scene.drive import Drive
from scene.splits import Split
from training.street_scene import Parts, StreetScene, StreetView

_NEAR_M, _FAR_M = 3.0, 80.0  # of depth as colours

Picture = UInt8[ndarray, "H W 3"]


@dataclass(frozen=True)
class TrainedStreet:
    """A street and the log it was trained on.

    Args:
        folder: of the run.
        iteration: how long it had been trained.
        scene: what has been learned.
        capture: the log.
        split: which views trained and which are held out.
    """

    folder: RunFolder
    iteration: int
    scene: StreetScene
    capture: Capture
    split: Split

    @property
    def drive(self) -> Drive:
        """Of the log."""
        assert self.capture.drive is not None  # of a street
        return self.capture.drive

    def time_of(self, view: int) -> float:
        """When a view was taken, seconds."""
        return float(self.drive.view_times_s[view])

    def transform_of(self, view: int) -> Float[Tensor, "3 4"] | None:
        """The colour transform of a view."""
        return self.scene.transform_of(view, self.drive)

    def draw(self, view: int, parts: Parts = "all", camera: Cameras | None = None) -> StreetView:
        """What the camera of a view sees when it was taken; or another camera in its place."""
        camera = self.capture.cameras[view] if camera is None else camera
        return self.scene.draw(camera, self.time_of(view), parts=parts, transform=self.transform_of(view))


def picture(view: StreetView) -> Picture:
    """A view in 8 bits."""
    return to_uint8(view.image).numpy()


def depth_picture(view: StreetView) -> Picture:
    """The depth of a view as colours, of the same range in all streets."""
    return colorize_depth(view.depth, _NEAR_M, _FAR_M)


def write_view(street: TrainedStreet, view: int, folder: Path, number: int) -> tuple[StreetView, float]:
    """Write the rendering of a view, its photograph, its depth, and what moves in it on black.

    Args:
        street: what is drawn.
        view: row of the capture.
        folder: gets `renders`, `gt`, `depth` and `moving`.
        number: the name of the files, `%05d.png`.

    Returns:
        The view, and the seconds that drawing it took.

    Raises:
        UserError: a file cannot be written, or the photograph does not decode.
    """
    started = time.perf_counter()
    drawn = street.draw(view)
    seconds = time.perf_counter() - started
    pictures = {
        "renders": picture(drawn),
        "gt": street.capture.images[view].numpy(),
        "depth": depth_picture(drawn),
        "moving": picture(street.draw(view, "moving")),
    }
    for kind, each in pictures.items():
        write_png(folder / kind / f"{number:05d}.png", each)
    return drawn, seconds
