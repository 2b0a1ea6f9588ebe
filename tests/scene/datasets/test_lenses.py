"""Undistorted images show what a pinhole camera would have seen, for every camera model of COLMAP."""

import numpy as np
import pytest

from scene.datasets.lenses import Lens, undistortion
from scene.datasets.pycolmap_import import pycolmap

WIDTH, HEIGHT = 160, 120
CENTER = (80.0, 60.0)

DISTORTED = {
    "SIMPLE_RADIAL": (120.0, *CENTER, 0.1),
    "RADIAL": (120.0, *CENTER, 0.1, -0.05),
    "OPENCV": (120.0, 122.0, *CENTER, 0.1, -0.05, 0.003, -0.002),
    "FULL_OPENCV": (120.0, 122.0, *CENTER, 0.1, -0.05, 0.003, -0.002, 0.01, 0.02, 0.01, 0.0),
    "OPENCV_FISHEYE": (90.0, 92.0, *CENTER, 0.02, -0.01, 0.002, 0.0),
    "SIMPLE_RADIAL_FISHEYE": (90.0, *CENTER, 0.02),
    "RADIAL_FISHEYE": (90.0, *CENTER, 0.02, -0.01),
    "FOV": (120.0, 122.0, *CENTER, 0.8),
    "THIN_PRISM_FISHEYE": (90.0, 92.0, *CENTER, 0.02, -0.01, 0.001, 0.001, 0.002, 0.0, 0.001, -0.001),
    "RAD_TAN_THIN_PRISM_FISHEYE": (90.0, 92.0, *CENTER, 0.02, -0.01, *(0.0,) * 4, *(0.001,) * 3, *(0.0,) * 3),
    "SIMPLE_DIVISION": (120.0, *CENTER, 0.05),
    "DIVISION": (120.0, 122.0, *CENTER, -0.05),
    "SIMPLE_FISHEYE": (90.0, *CENTER),
    "FISHEYE": (90.0, 92.0, *CENTER),
    "EUCM": (120.0, 122.0, *CENTER, 0.6, 1.1),
}


def make_lens(model: str) -> Lens:
    return Lens(model, DISTORTED[model], WIDTH, HEIGHT)


def scenery(rays: np.ndarray) -> np.ndarray:
    """A smooth grey value, 28 to 228, for each direction (x/z, y/z)."""
    return 128 + 100 * np.sin(4 * rays[..., 0] + 1) * np.cos(5 * rays[..., 1])


def pixel_centers(width: int, height: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)


def test_every_model_is_here() -> None:
    others = {"INVALID", "SIMPLE_PINHOLE", "PINHOLE", "EQUIRECTANGULAR"}
    assert set(pycolmap.CameraModelId.__members__) - others <= set(DISTORTED)


@pytest.mark.parametrize("model", DISTORTED)
@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (80, 48)], ids=["own size", "each axis by another factor"])
def test_undistorted_is_what_a_pinhole_sees(model: str, size: tuple[int, int]) -> None:
    lens = make_lens(model)
    factors = np.divide(size, (WIDTH, HEIGHT))
    rays = lens.camera().cam_from_img((pixel_centers(*size) / factors).reshape(-1, 2))
    photo = scenery(rays).reshape(size[::-1]).astype(np.float32)

    correction = undistortion(lens, *size)

    pinhole = correction.pinhole
    K = pinhole.K(pinhole.width, pinhole.height)
    expected = scenery((pixel_centers(pinhole.width, pinhole.height) - K[:2, 2]) / K.diagonal()[:2])
    undistorted = correction.apply(photo)
    assert undistorted.shape == expected.shape
    errors = np.abs(undistorted - expected)[correction.valid()]
    # Measured: mean 0.07 to 0.36, the error of interpolation. Half a pixel off it is above 1.
    assert errors.mean() < 0.5
    assert not correction.leaves_blanks
    assert correction.valid().all()


@pytest.mark.parametrize("model", ["PINHOLE", "SIMPLE_PINHOLE"])
def test_pinholes_are_recognised(model: str) -> None:
    assert Lens(model, (9.0, 5.0, 4.0, 3.0)[-4 if model == "PINHOLE" else -3 :], 10, 8).is_pinhole


@pytest.mark.parametrize("model", DISTORTED)
def test_distortion_is_recognised(model: str) -> None:
    assert not make_lens(model).is_pinhole


def test_no_distortion_is_a_pinhole_but_a_fisheye_never_is() -> None:
    numbers = (90.0, 90.0, *CENTER, 0.0, 0.0, 0.0, 0.0)
    assert Lens("OPENCV", numbers, WIDTH, HEIGHT).is_pinhole
    assert not Lens("OPENCV_FISHEYE", numbers, WIDTH, HEIGHT).is_pinhole
    assert Lens("EQUIRECTANGULAR", (160.0, 80.0), 160, 80).is_spherical


def test_intrinsics_follow_the_size_of_the_image() -> None:
    lens = Lens("PINHOLE", (100.0, 110.0, 50.0, 40.0), 100, 80)
    expected = [[50.0, 0.0, 25.0], [0.0, 220.0, 80.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(lens.K(50, 160), expected)


def test_blanks_are_found() -> None:
    """So strong a distortion leaves blanks at the largest size that the undistorted image may have."""
    correction = undistortion(
        Lens("OPENCV", (60.0, 60.0, *CENTER, -0.5, 0.0, 0.0, 0.0), WIDTH, HEIGHT), WIDTH, HEIGHT
    )
    assert correction.leaves_blanks
    valid = correction.valid()
    assert valid[valid.shape[0] // 2, valid.shape[1] // 2]
    assert not valid[0, 0]
    ones = np.ones((HEIGHT, WIDTH, 3), np.uint8)
    assert correction.apply(ones).shape == (*valid.shape, 3)


def test_a_wrong_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="OPENCV takes the parameters fx, fy, cx, cy, k1, k2, p1, p2, but 3"):
        Lens("OPENCV", (1.0, 2.0, 3.0), 10, 10).camera()
