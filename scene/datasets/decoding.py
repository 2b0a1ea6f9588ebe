"""From the file of a view to its pixels: decoded, undistorted, scaled, masked."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import atomic_write, make_folder
from core.images import read_gray, read_image, read_rgba
from scene.datasets.lenses import Undistortion
from scene.datasets.options import AlphaMode

CACHE_VARIABLE = "SPLATWORKS_CACHE"
_BACKGROUNDS = {"black": 0, "white": 255, "mask": 0}


class DecodedView(NamedTuple):
    """Pixels of one view.

    Args:
        image: 8-bit sRGB.
        valid: True where a pixel may be supervised; None means everywhere.
    """

    image: UInt8[Tensor, "H W 3"]
    valid: Bool[Tensor, "H W"] | None

    def valid_mask(self) -> Bool[Tensor, "H W"]:
        """`valid`, or True everywhere without the memory for it."""
        return (
            torch.ones((), dtype=torch.bool).expand(self.image.shape[:2])
            if self.valid is None
            else self.valid
        )


@dataclass(frozen=True)
class ViewDecoder:
    """All it takes to make the pixels of one view, in any thread.

    Args:
        path: of the image.
        has_alpha: whether the image is to be read with its alpha.
        alpha: what becomes of transparent pixels.
        width: of the result, in pixels.
        height: likewise.
        undistortion: applied before scaling; None for images of a pinhole camera.
        mask_path: of a mask for the image as it is stored, if there is one.
        cache: folder that keeps undistorted images; None keeps none.
    """

    path: Path
    has_alpha: bool
    alpha: AlphaMode
    width: int
    height: int
    undistortion: Undistortion | None = None
    mask_path: Path | None = None
    cache: Path | None = None

    @property
    def makes_mask(self) -> bool:
        """Whether some pixels may turn out not to be valid."""
        leaves_blanks = self.undistortion is not None and self.undistortion.leaves_blanks
        return leaves_blanks or self.mask_path is not None or (self.has_alpha and self.alpha == "mask")

    def __call__(self) -> DecodedView:
        """Decode the view.

        Raises:
            UserError: the image or its mask does not decode, or the cache cannot be written.
        """
        image = self._undistorted_image()
        masks = []
        if image.shape[2] == 4:
            alpha = image[..., 3]
            image = _composite(image, _BACKGROUNDS[self.alpha])
            if self.alpha == "mask":
                masks.append(alpha)
        if self.mask_path is not None:
            masks.append(self._mask(self.mask_path))
        if self.undistortion is not None and self.undistortion.leaves_blanks:
            masks.append(self.undistortion.valid().astype(np.uint8) * 255)
        image = resized(image, self.width, self.height)
        valid = None
        if masks:
            covered = [resized(mask, self.width, self.height) >= 128 for mask in masks]
            valid = torch.from_numpy(np.logical_and.reduce(covered))
        return DecodedView(torch.from_numpy(image), valid)

    def _undistorted_image(self) -> UInt8[ndarray, "H W C"]:
        read: Callable[[Path], ndarray] = read_rgba if self.has_alpha else read_image
        if self.undistortion is None:
            return read(self.path)
        kept = None if self.cache is None else self.cache / self._cache_name(self.undistortion)
        if kept is not None and kept.is_file():
            with suppress(UserError):  # a damaged copy is made anew
                return read(kept)
        image = self.undistortion.apply(read(self.path))
        if kept is not None:
            _write_png(kept, image)
        return image

    def _cache_name(self, undistortion: Undistortion) -> str:
        """A name that changes with the image file and with the lens."""
        state = self.path.stat()
        key = repr((str(self.path), state.st_size, state.st_mtime_ns, undistortion))
        return f"{self.path.stem}-{_digest(key)}.png"

    def _mask(self, path: Path) -> UInt8[ndarray, "H W"]:
        """255 where the mask keeps a pixel, undistorted like the image."""
        mask = (read_gray(path) > 0).astype(np.uint8) * 255
        if self.undistortion is None:
            return mask
        mask = cv2.resize(
            mask, (self.undistortion.width, self.undistortion.height), interpolation=cv2.INTER_NEAREST
        )
        return self.undistortion.apply(mask, cv2.INTER_NEAREST)


@dataclass(frozen=True)
class InverseDepthDecoder:
    """All it takes to make the inverse depths of one view, in any thread.

    Args:
        path: of the map: 16 bits a pixel, for the image as it is stored.
        scale: inverse depth per unit of the map, whose largest value is 1.
        offset: inverse depth where the map is 0.
        width: of the result, in pixels.
        height: likewise.
        undistortion: applied before scaling.
    """

    path: Path
    scale: float
    offset: float
    width: int
    height: int
    undistortion: Undistortion | None = None

    def __call__(self) -> Float32[Tensor, "H W"]:
        """Decode the map.

        Raises:
            UserError: it does not decode.
        """
        depths = read_gray(self.path).astype(np.float32) / 2**16
        depths = np.maximum(depths * self.scale + self.offset, 0).astype(np.float32)
        if self.undistortion is not None:
            depths = resized(depths, self.undistortion.width, self.undistortion.height)
            depths = self.undistortion.apply(depths, cv2.INTER_LINEAR)
        return torch.from_numpy(resized(depths, self.width, self.height))


def resized(image: Shaped[ndarray, "H W *C"], width: int, height: int) -> Shaped[ndarray, "h w *C"]:
    """The image at another size: averaged when it shrinks, interpolated when it grows."""
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    shrinks = width <= image.shape[1] and height <= image.shape[0]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def cache_folder(source: Path, chosen: Path | None) -> Path:
    """The folder for the undistorted images of a source, made if it is missing.

    Raises:
        UserError: it cannot be made or written to.
    """
    root = chosen or Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "splatworks")
    folder = make_folder(root.expanduser() / f"{source.name}-{_digest(str(source.resolve()))}")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} cannot be written; name another folder by --cache or {CACHE_VARIABLE}")
    return folder


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _composite(rgba: UInt8[ndarray, "H W 4"], background: int) -> UInt8[ndarray, "H W 3"]:
    """Straight alpha over a grey background, rounded to the nearest."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + background * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def _write_png(path: Path, image: UInt8[ndarray, "H W C"]) -> None:
    """Write RGB or RGBA without loss."""
    order = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, data = cv2.imencode(".png", cv2.cvtColor(image, order), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())
