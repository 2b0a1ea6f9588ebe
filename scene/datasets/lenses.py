"""Camera models, and how their images become those of a pinhole camera."""

import threading
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Shaped
from numpy import ndarray

from scene.datasets.pycolmap_import import pycolmap

# Rounding the size of a scaled image moves its edge by up to half a pixel.
_EDGE_PX = 0.5
_MAPS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Lens:
    """A camera model with its numbers.

    Args:
        model: COLMAP's name of the model, such as OPENCV_FISHEYE.
        params: the model's numbers in COLMAP's order, lengths in pixels.
        width: of the images that the numbers belong to, in pixels.
        height: likewise.
    """

    model: str
    params: tuple[float, ...]
    width: int
    height: int

    def camera(self) -> pycolmap.Camera:
        """COLMAP's camera of this lens.

        Raises:
            ValueError: the model does not exist, or takes another number of parameters.
        """
        camera = pycolmap.Camera(
            model=self.model, width=self.width, height=self.height, params=list(self.params)
        )
        if not camera.verify_params():
            expected = camera.params_info
            raise ValueError(
                f"{self.model} takes the parameters {expected}, but {len(self.params)} were given"
            )
        return camera

    @property
    def is_pinhole(self) -> bool:
        """Whether straight lines stay straight, so that `K` says everything."""
        camera = self.camera()
        return camera.is_undistorted() and camera.is_perspective_pinhole()

    @property
    def is_spherical(self) -> bool:
        """Whether it sees all around, which no pinhole image can show."""
        return self.camera().is_spherical()

    def K(self, width: int, height: int) -> Float64[ndarray, "3 3"]:  # noqa: N802
        """Intrinsics for an image of another size, each axis by its own factor; distortion is left out."""
        scale = np.diag([width / self.width, height / self.height, 1.0])
        return scale @ self.camera().calibration_matrix()


@dataclass(frozen=True)
class Undistortion:
    """What turns the images of a lens into those of a pinhole camera.

    Args:
        lens: that the images were taken with.
        width: of the distorted images, in pixels; may differ from the lens's own size.
        height: likewise.
        pinhole: of the undistorted images, at their size.
        leaves_blanks: whether some undistorted pixels lie outside the distorted image.
    """

    lens: Lens
    width: int
    height: int
    pinhole: Lens
    leaves_blanks: bool

    def apply(
        self, image: Shaped[ndarray, "H W *C"], interpolation: int = cv2.INTER_CUBIC
    ) -> Shaped[ndarray, "h w *C"]:
        """The undistorted image; blank pixels repeat the nearest edge."""
        columns, rows, _ = _maps(self)
        return cv2.remap(image, columns, rows, interpolation, borderMode=cv2.BORDER_REPLICATE)

    def valid(self) -> Bool[ndarray, "h w"]:
        """True where an undistorted pixel shows something of the distorted image."""
        return _maps(self)[2]


@lru_cache(maxsize=4096)
def undistortion(lens: Lens, width: int, height: int) -> Undistortion:
    """How images of `width` x `height` taken with `lens` are undistorted.

    The pinhole camera keeps the focal length and is cropped so that, within limits, no pixel stays blank.

    Args:
        lens: any model but a spherical one.
        width: of the images, in pixels.
        height: likewise.
    """
    target = pycolmap.undistort_camera(pycolmap.UndistortCameraOptions(), lens.camera())
    # Worked out at the lens's own size: models with one focal length cannot be scaled by two factors.
    x_factor, y_factor = width / lens.width, height / lens.height
    new_width = max(1, round(target.width * x_factor))
    new_height = max(1, round(target.height * y_factor))
    own_size = Lens("PINHOLE", tuple(target.params.tolist()), target.width, target.height)
    (fx, _, cx), (_, fy, cy), _ = own_size.K(new_width, new_height).tolist()
    pinhole = Lens("PINHOLE", (fx, fy, cx, cy), new_width, new_height)
    border = _border(new_width, new_height)
    source = _distorted_pixels(lens, width, height, pinhole, border)
    return Undistortion(lens, width, height, pinhole, not _inside(source, width, height).all())


_Maps = tuple[Float32[ndarray, "h w"], Float32[ndarray, "h w"], Bool[ndarray, "h w"]]


def _maps(undistortion: Undistortion) -> _Maps:
    # Under a lock: threads that begin together shall not all work out the same maps.
    with _MAPS_LOCK:
        return _cached_maps(undistortion)


# As many as one rig has; captures with a lens for each image would fill the memory with maps.
@lru_cache(maxsize=8)
def _cached_maps(undistortion: Undistortion) -> _Maps:
    """Columns and rows of the distorted image, as cv2 counts them, and whether they are in it."""
    pinhole = undistortion.pinhole
    x, y = np.meshgrid(np.arange(pinhole.width) + 0.5, np.arange(pinhole.height) + 0.5)
    centers = np.stack([x.ravel(), y.ravel()], axis=1)
    width, height = undistortion.width, undistortion.height
    pixels = _distorted_pixels(undistortion.lens, width, height, pinhole, centers)
    valid = _inside(pixels, width, height).reshape(x.shape)
    # cv2 has pixel centres at whole numbers. Rays that the lens does not see have no pixel: any will do.
    columns, rows = np.nan_to_num(pixels - 0.5).astype(np.float32).T.reshape(2, *x.shape)
    return columns, rows, valid


def _distorted_pixels(
    lens: Lens, width: int, height: int, pinhole: Lens, pixels: Float64[ndarray, "P 2"]
) -> Float64[ndarray, "P 2"]:
    """Where pixels of the pinhole image are in a distorted image of `width` x `height`, or NaN."""
    K = pinhole.K(pinhole.width, pinhole.height)
    rays = np.column_stack([(pixels - K[:2, 2]) / K.diagonal()[:2], np.ones(len(pixels))])
    scale = (width / lens.width, height / lens.height)
    return np.asarray(lens.camera().img_from_cam(rays)) * scale


def _border(width: int, height: int) -> Float64[ndarray, "P 2"]:
    """Centres of the pixels along the four edges of an image."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    rows = [np.column_stack([x, np.full(width, edge)]) for edge in (0.5, height - 0.5)]
    columns = [np.column_stack([np.full(height, edge), y]) for edge in (0.5, width - 0.5)]
    return np.concatenate(rows + columns)


def _inside(pixels: Float64[ndarray, "P 2"], width: int, height: int) -> Bool[ndarray, " P"]:
    low, high = -_EDGE_PX, (width + _EDGE_PX, height + _EDGE_PX)
    return np.all((pixels >= low) & (pixels <= high), axis=1)
