"""Browsers' cameras become ours: the same rays, and nothing that is no camera."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.geometry import project_points
from scene.cameras import Cameras
from viewer.eyes import Eye, eye, fitted, fov_around, is_near, letterboxed, scaled, wxyz_of

NUMBERS = st.floats(-10, 10)
QUATS = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS).filter(lambda q: float(np.linalg.norm(q)) > 0.1)
PLACES = st.tuples(NUMBERS, NUMBERS, NUMBERS)
GOOD = {"wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.0, 0.0, 0.0), "fov": 1.0, "width": 640, "height": 360}


def seen(wxyz: object = GOOD["wxyz"], position: object = GOOD["position"], fov: object = 1.0) -> Eye:
    found = eye(wxyz, position, fov, 640, 360)
    assert found is not None
    return found


@given(QUATS, PLACES, st.floats(0.2, 2.5))
def test_the_middle_and_the_edge_of_the_window_are_where_they_belong(
    wxyz: tuple[float, ...], position: tuple[float, ...], fov: float
) -> None:
    at = seen(wxyz, position, fov)
    camera = at.cameras(320, 180)
    c2w = at.pose
    middle = c2w[:3, 3] + 3 * c2w[:3, 2]
    top = middle - 3 * math.tan(fov / 2) * c2w[:3, 1]
    points = torch.from_numpy(np.stack([middle, top])).float()
    pixels, depths = project_points(points, camera.viewmats[0], camera.Ks[0])
    np.testing.assert_allclose(pixels.numpy(), [[160, 90], [160, 0]], atol=0.02)
    np.testing.assert_allclose(depths.numpy(), 3, atol=1e-4)


@given(QUATS)
def test_rotations_there_and_back(wxyz: tuple[float, ...]) -> None:
    at = seen(wxyz)
    np.testing.assert_allclose(seen(wxyz_of(at.pose[:3, :3])).pose, at.pose, atol=1e-9)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"wxyz": (0.0, 0.0, 0.0, 0.0)},
        {"wxyz": (1.0, math.nan, 0.0, 0.0)},
        {"wxyz": (1.0, 0.0, 0.0)},
        {"wxyz": "north"},
        {"wxyz": None},
        {"position": (math.inf, 0.0, 0.0)},
        {"position": (1e300, 0.0, 0.0)},
        {"position": ()},
        {"position": {"x": 1}},
        {"fov": 0.0},
        {"fov": math.pi},
        {"fov": math.nan},
        {"fov": None},
        {"width": 0},
        {"width": 10**9},
        {"height": -360},
        {"height": "tall"},
    ],
)
def test_what_is_no_camera(nonsense: dict[str, object]) -> None:
    assert eye(**GOOD) is not None
    assert eye(**{**GOOD, **nonsense}) is None


@given(st.integers(16, 2000), st.integers(16, 2000), st.integers(1, 3000))
def test_pictures_have_the_shape_of_the_window(width: int, height: int, asked: int) -> None:
    at = eye(*[GOOD[name] for name in ("wxyz", "position", "fov")], width, height)
    assert at is not None
    w, h = at.size(asked)
    assert h == min(asked, height)
    assert abs(w - h * width / height) <= 1


def camera(width: int, height: int) -> Cameras:
    K = torch.tensor([[[500.0, 0.0, 0.45 * width], [0.0, 480.0, 0.5 * height], [0.0, 0.0, 1.0]]])
    return Cameras(torch.eye(4)[None], K, torch.tensor([width]), torch.tensor([height]))


@given(st.integers(20, 900), st.integers(20, 900), st.integers(20, 900), st.integers(20, 900))
def test_a_fitted_camera_touches_the_window_and_stays_inside(w: int, h: int, width: int, height: int) -> None:
    inside = fitted(camera(w, h), width, height)
    assert inside.size[0] <= width
    assert inside.size[1] <= height
    assert inside.size[0] == width or inside.size[1] == height
    picture = np.full((inside.size[1], inside.size[0], 3), 200, np.uint8)
    whole = letterboxed(picture, width, height)
    assert whole.shape == (height, width, 3)
    assert (whole == 200).all(-1).sum() == picture.shape[0] * picture.shape[1]


@given(st.integers(20, 900), st.integers(20, 900), st.floats(0.3, 3.0))
def test_a_window_shows_the_whole_image_of_a_view(width: int, height: int, aspect: float) -> None:
    own = camera(width, height)
    half_height = math.tan(fov_around(own, aspect) / 2)
    assert half_height >= height / 2 / 480 - 1e-6
    assert half_height * aspect >= width / 2 / 500 - 1e-6


def test_near_is_in_place_and_direction() -> None:
    here = np.eye(4)
    moved, turned = here.copy(), here.copy()
    moved[0, 3] = 0.2
    turned[:3, :3] = Rotation.from_euler("y", 1, degrees=True).as_matrix()
    assert is_near(here, here, 0.0)
    assert is_near(here, moved, 0.3)
    assert not is_near(here, moved, 0.1)
    assert not is_near(here, turned, 0.3)


def test_scaling_to_the_same_size_is_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    assert scaled(picture, 12, 9) is picture
    assert scaled(picture, 4, 3).shape == (3, 4, 3)
