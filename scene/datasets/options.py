"""How a capture is read: which images, at which size, and what belongs to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from core.cli import flag

SourceFormat = Literal["auto", "prediction", "colmap", "transforms", "blender", "sintel", "tum"]
AlphaMode = Literal["black", "white", "mask"]

_RANDOM_POINTS = 100_000


@dataclass(frozen=True)
class CaptureOptions:
    """How a capture is read."""

    images: Annotated[str, flag("-i")] = "images"
    """Folder of the images inside the source, such as images_4."""

    resolution: Annotated[int, flag("-r")] = -1
    """1, 2, 4 or 8 divides the size of the images, unless they come from a folder images_N of that number; -1
    caps their width at 1600 px; any other number is the width wanted, in pixels."""

    extra_downscale: int = 1
    """Divides the size of the images once more, whatever the folder and the resolution are."""

    alpha: AlphaMode = "black"
    """Transparent pixels: shown on black, shown on white, or left out of training (mask)."""

    masks: str | None = None
    """Folder of masks inside the source, one <image name>.png each; pixels of value 0 are left out of
    training. By default `masks`, where it exists."""

    depths: Annotated[str | None, flag("-d")] = None
    """Folder of inverse depth maps inside the source, one <image stem>.png of 16 bits each, which
    sparse/0/depth_params.json scales."""

    random_points: int | None = None
    """Number of random initial points for a capture that comes without any; 100,000 by default. A source
    whose file of points is empty is refused unless this is given."""

    source_format: SourceFormat = "auto"
    """What the source is taken for, where it could be several things."""

    cache: Path | None = None
    """Where undistorted images are kept for the next run; by default $SPLATWORKS_CACHE, else
    ~/.cache/splatworks."""

    @property
    def random_point_count(self) -> int:
        """How many random points stand in for missing ones."""
        return _RANDOM_POINTS if self.random_points is None else self.random_points
