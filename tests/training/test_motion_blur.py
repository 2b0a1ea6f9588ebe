"""Blur by the camera's motion: laws, a naive mean, and the search for the shutter."""

import math

import pytest
import torch

from scene.cameras import Cameras
from scene.capture import Capture
from training.motion_blur import MotionBlur

WIDTH, HEIGHT, DEPTH = 64, 48, 4.0


def panning(step: float, count: int = 5) -> Capture:
    """Frames of a camera that moves sideways by `step` world units a frame before a wall at `DEPTH`."""
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[:, 0, 3] = -step * torch.arange(count)
    K = torch.tensor([[50.0, 0.0, WIDTH / 2], [0.0, 50.0, HEIGHT / 2], [0.0, 0.0, 1.0]])
    sizes = torch.full((count,), WIDTH), torch.full((count,), HEIGHT)
    images = [torch.zeros(HEIGHT, WIDTH, 3, dtype=torch.uint8)] * count
    depths = [torch.full((HEIGHT, WIDTH), 1 / DEPTH)] * count
    names = tuple(f"{row}.png" for row in range(count))
    return Capture(
        "wall", None, Cameras(viewmats, K.repeat(count, 1, 1), *sizes), names, images, inverse_depths=depths
    )


def picture() -> torch.Tensor:
    return torch.rand(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(3))


def test_speed_is_that_of_the_image() -> None:
    # 0.4 units at depth 4 and a focal length of 50 px are 5 px a frame.
    assert MotionBlur(panning(0.4), DEPTH).speed_px(2) == pytest.approx(5.0, rel=1e-4)


def test_a_closed_shutter_and_a_resting_camera_change_nothing() -> None:
    image = picture()
    assert torch.equal(MotionBlur(panning(0.4), DEPTH).apply(image, 2), image)
    assert torch.equal(MotionBlur(panning(0.0), DEPTH).apply(image, 2, shutter=1.0), image)


def test_constant_images_stay_and_brightness_is_kept() -> None:
    blur = MotionBlur(panning(0.4), DEPTH)
    grey = torch.full((HEIGHT, WIDTH, 3), 0.3)
    torch.testing.assert_close(blur.apply(grey, 2, shutter=0.8), grey)
    image, inner = picture(), slice(8, -8)
    blurred = blur.apply(image, 2, shutter=0.8)
    torch.testing.assert_close(blurred[:, inner].mean(), image[:, inner].mean(), atol=0.01, rtol=0)


def test_it_is_the_mean_of_shifted_images() -> None:
    image, shutter, speed = picture(), 0.8, 5.0
    samples = 1 + 2 * math.ceil(shutter * speed / 1.5 / 2)
    total = torch.zeros_like(image)
    for time in torch.linspace(-0.5, 0.5, samples):
        shift = float(time) * shutter * speed
        low = math.floor(shift)
        part = shift - low
        # A camera that moves to the right shifts what it sees to the left: the flow is negative.
        total += (1 - part) * torch.roll(image, low, 1) + part * torch.roll(image, low + 1, 1)
    found = MotionBlur(panning(0.4), DEPTH).apply(image, 2, shutter=shutter)
    torch.testing.assert_close(found[:, 6:-6], total[:, 6:-6] / samples, atol=1e-3, rtol=0)


def test_paths_scale_with_the_image() -> None:
    blur = MotionBlur(panning(0.4), DEPTH)
    ramp = torch.linspace(0, 1, WIDTH)[None, :, None].expand(HEIGHT, WIDTH, 3).square()
    half = torch.nn.functional.avg_pool2d(ramp.permute(2, 0, 1), 2).permute(1, 2, 0)
    fine = torch.nn.functional.avg_pool2d(blur.apply(ramp, 2, shutter=1.0).permute(2, 0, 1), 2).permute(
        1, 2, 0
    )
    inner = slice(4, -4)
    torch.testing.assert_close(blur.apply(half, 2, shutter=1.0)[:, inner], fine[:, inner], atol=2e-3, rtol=0)


def test_gradients_reach_the_sharp_image() -> None:
    image = picture().requires_grad_()
    MotionBlur(panning(0.4), DEPTH).apply(image, 2, shutter=0.8).sum().backward()
    assert image.grad is not None
    # Away from the border every pixel is seen once in all.
    torch.testing.assert_close(image.grad[:, 8:-8].mean(), torch.tensor(1.0), atol=1e-2, rtol=0)


@pytest.mark.parametrize("true", [0.0, 0.5])
def test_the_search_finds_the_shutter(true: float) -> None:
    blur, image = MotionBlur(panning(0.6), DEPTH), picture()
    truth, weights = blur.apply(image, 2, shutter=true), torch.ones(HEIGHT, WIDTH)
    for _ in range(6):
        blur.search([2], [image], [truth], [weights])
    assert blur.shutter == pytest.approx(true, abs=0.051)
