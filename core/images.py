"""Image files: decoded or an error with their path; written whole or not at all. RGB order everywhere."""

from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import GIT_LFS_MARK, atomic_write, explain

# What cv2 would print about a file that does not decode is said here, once, with the path.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
"""File name endings, in lower case, of what `read_image` is asked to decode."""


def read_image(path: Path) -> UInt8[ndarray, "H W 3"]:
    """The image as 8-bit sRGB, without alpha; pixels as stored, whatever EXIF says about the orientation.

    Raises:
        UserError: the file is missing, is no image, is cut off, or is a Git-LFS pointer.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), cv2.COLOR_BGR2RGB)


def read_rgba(path: Path) -> UInt8[ndarray, "H W 4"]:
    """The image as 8-bit sRGB with straight alpha, 255 throughout where the file has none.

    Raises:
        UserError: as `read_image`.
    """
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 4:
        rgb = read_image(path)
        return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=2)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)


def read_gray(path: Path) -> UInt8[ndarray, "H W"] | UInt16[ndarray, "H W"]:
    """A mask or depth image with the bits it was stored with; colours are turned to luminance.

    Raises:
        UserError: as `read_image`.
    """
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    image = _decode(path, flags)
    if image.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{path} holds {image.dtype} values; an image of 8 or 16 bits was expected")
    return image


def write_png(
    path: Path, image: UInt8[ndarray, "H W 3"] | UInt8[ndarray, "H W"] | UInt16[ndarray, "H W"]
) -> None:
    """Write a PNG: colour as RGB, or one channel of 8 or 16 bits.

    Raises:
        UserError: the file cannot be written.
    """
    with atomic_write(path) as temporary:
        # Level 1 is a quarter smaller than cv2's default; higher levels cost more than they save.
        temporary.write_bytes(encode(image, ".png", cv2.IMWRITE_PNG_COMPRESSION, 1))


def encode(image: UInt8[ndarray, "H W *C"] | UInt16[ndarray, "H W"], suffix: str, *parameters: int) -> bytes:
    """The bytes of an image file in the format that `suffix` names; `parameters` are cv2's, in pairs."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(suffix, image, list(parameters))
    if not written:
        raise RuntimeError(f"this build of OpenCV cannot write {suffix}")
    return data.tobytes()


def to_uint8(image: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """[0, 1] to 8 bits: clamped and rounded to the nearest."""
    return (image.detach() * 255 + 0.5).clamp_(0, 255).to(torch.uint8)


def _decode(path: Path, flags: int) -> ndarray:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error
    if data.startswith(GIT_LFS_MARK):
        raise UserError(f"{path} is a Git-LFS pointer, not an image; run `git lfs pull` in its repository")
    # imdecode instead of imread: paths with any letters work on any system. libpng complains on stderr about
    # files that are cut off, so it does not get to see them.
    cut_off = data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]
    image = None if cut_off or not data else cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise UserError(
            f"{path} does not decode as an image ({len(data)} bytes); restore the file or remove it"
        )
    return image
