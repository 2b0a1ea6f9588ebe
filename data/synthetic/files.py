"""Files of a capture: images, Sintel's binary formats, trajectories; folders whole or absent."""

import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16
from numpy import ndarray
from scipy.spatial.transform import Rotation

from core.errors import UserError
from core.files import explain, make_folder

# The first four bytes of Sintel's files, which check the byte order: "PIEH" as a float.
TAG = 202021.25
SKY_DEPTH_M = 1e8  # so far that a camera's movement does not shift it, and still a float32
DEPTH_UNIT_M = 1e-3  # of 16-bit depth images


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its name when the block ends well, else is removed.

    Args:
        path: where the folder is to be; nothing, or an empty folder, may be there.

    Raises:
        UserError: something is there, or the folder cannot be made.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} is not empty; remove it or choose another folder with --out")
    absolute = path.absolute()
    temporary = absolute.with_name(f".{absolute.name}.{os.getpid()}.part")
    make_folder(temporary)
    try:
        yield temporary
        if path.exists():
            path.rmdir()
        temporary.rename(path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_image(
    path: Path, image: UInt8[ndarray, "H W 3"] | UInt8[ndarray, "H W"] | UInt16[ndarray, "H W"]
) -> None:
    """A PNG, or a JPEG of quality 95, as the suffix says; colours are RGB."""
    path.write_bytes(encoded_image(image, path.suffix))


def encoded_image(
    image: UInt8[ndarray, "H W 3"] | UInt8[ndarray, "H W"] | UInt16[ndarray, "H W"], suffix: str
) -> bytes:
    """The bytes of a PNG (".png"), or of a JPEG of quality 95 (".jpg"); colours are RGB."""
    # This module is loaded by every worker, and `core.images` would load torch with it.
    parameters = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    written, data = cv2.imencode(suffix, image[..., ::-1] if image.ndim == 3 else image, parameters)
    if not written:
        raise RuntimeError(f"this build of OpenCV cannot write {suffix}")
    return data.tobytes()


def depth_image(depths: Float32[ndarray, "H W"]) -> UInt16[ndarray, "H W"]:
    """z-depths in units of `DEPTH_UNIT_M`; 0 where there is none or it does not fit into 16 bits."""
    units = np.where(np.isfinite(depths), depths / DEPTH_UNIT_M, 0)
    return np.where(units < 65535.5, np.round(units), 0).astype(np.uint16)


def write_flow(path: Path, flow: Float32[ndarray, "H W 2"]) -> None:
    """A `.flo`: x and y displacements in pixels.

    Source: S. Baker et al., "A database and evaluation methodology for optical flow", 2011.
    """
    height, width = flow.shape[:2]
    path.write_bytes(struct.pack("<fii", TAG, width, height) + flow.astype("<f4").tobytes())


def write_depth(path: Path, depths: Float32[ndarray, "H W"]) -> None:
    """A Sintel `.dpt`: z-depths, `SKY_DEPTH_M` where the sky is seen.

    Source: D. J. Butler et al., "A naturalistic open source movie for optical flow evaluation", 2012 (depth
        data).
    """
    height, width = depths.shape
    filled = np.where(np.isfinite(depths), depths, SKY_DEPTH_M)
    path.write_bytes(struct.pack("<fii", TAG, width, height) + filled.astype("<f4").tobytes())


def write_camera(path: Path, K: Float64[ndarray, "3 3"], viewmat: Float64[ndarray, "4 4"]) -> None:
    """A Sintel `.cam`: intrinsics and the upper three rows of camera-from-world.

    Sintel counts pixel centres as whole numbers, so that its principal point is half a pixel less than `K`'s.
    """
    stored = K - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    path.write_bytes(
        struct.pack("<f", TAG) + stored.astype("<f8").tobytes() + viewmat[:3].astype("<f8").tobytes()
    )


def write_trajectory(path: Path, timestamps: Float64[ndarray, " N"], c2w: Float64[ndarray, "N 4 4"]) -> None:
    """A TUM trajectory: `timestamp tx ty tz qx qy qz qw` a line, world-from-camera."""
    quats_xyzw = Rotation.from_matrix(c2w[:, :3, :3]).as_quat()
    rows = np.concatenate([timestamps[:, None], c2w[:, :3, 3], quats_xyzw], axis=1)
    lines = (" ".join(f"{value:.9f}" for value in row) for row in rows)
    path.write_text(
        "# timestamp tx ty tz qx qy qz qw\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8"
    )
