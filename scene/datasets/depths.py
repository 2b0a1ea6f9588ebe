"""Inverse depth maps beside the images, scaled to the world by a file of parameters."""

import math
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any

from core.errors import UserError
from core.files import read_json

PARAMETERS_FILE = "depth_params.json"

# A scale this far from the median of all views says that the fit of that view failed.
_LEAST_RATIO, _LARGEST_RATIO = 0.2, 5.0


class DepthMaps:
    """A folder of inverse depth maps.

    Inverse depth in world units = map / 2^16 * scale + offset, with scale and offset for each image.
    """

    def __init__(self, source: Path, folder_name: str) -> None:
        """Find the folder and read its parameters.

        Args:
            source: of the capture.
            folder_name: of the maps, relative to the source.

        Raises:
            UserError: the folder or the parameters are missing or broken.
        """
        self._folder = source / folder_name
        if not self._folder.is_dir():
            raise UserError(f"-d {folder_name}: {self._folder} is no folder")
        places = [source / "sparse" / "0", source / "sparse", self._folder, source]
        files = [place / PARAMETERS_FILE for place in places if (place / PARAMETERS_FILE).is_file()]
        if not files:
            raise UserError(
                f"-d {folder_name} needs {places[0] / PARAMETERS_FILE}, which maps each image's name without "
                'extension to {"scale": ..., "offset": ...}'
            )
        self._parameters = _read_parameters(files[0])
        scales = [scale for scale, _ in self._parameters.values() if scale > 0]
        self._median_scale = median(scales) if scales else 0.0

    def find(self, image_name: str) -> tuple[Path, float, float] | None:
        """Path, scale and offset of the map of an image; None where there is none that can be relied on."""
        stem = str(PurePosixPath(image_name).with_suffix(""))
        path = self._folder / f"{stem}.png"
        scale, offset = self._parameters.get(stem, (0.0, 0.0))
        reliable = _LEAST_RATIO * self._median_scale <= scale <= _LARGEST_RATIO * self._median_scale
        return (path, scale, offset) if scale > 0 and reliable and path.is_file() else None


def _read_parameters(path: Path) -> dict[str, tuple[float, float]]:
    parameters: Any = read_json(path)
    try:
        pairs = {name: (float(entry["scale"]), float(entry["offset"])) for name, entry in parameters.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f'{path}: {{"image": {{"scale": ..., "offset": ...}}}} was expected ({error!r})'
        ) from error
    return {name: pair for name, pair in pairs.items() if all(map(math.isfinite, pair))}
