"""What moves is put back where the neighbours' masks say, and nowhere else."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from scene.cameras import Cameras
from scene.capture import Capture
from training.moving_layer import neighbours, with_moving

HEIGHT, WIDTH, SIDE = 48, 64, 16


def ground() -> Tensor:
    """A pattern of a few pixels' grain, so that flow knows that it stands still."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    wave = 90 + 20 * np.sin(x / 3.0) * np.cos(y / 4.0)
    return torch.from_numpy(np.repeat(wave[..., None], 3, -1).astype(np.uint8))


def frame(left: int) -> tuple[Tensor, Tensor]:
    """A photograph of a patterned square before the ground, and its mask."""
    image, moving = ground(), torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    window = (slice(16, 16 + SIDE), slice(left, left + SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    pattern = 170 + 60 * np.sin(x / 2.0 + y / 3.0)
    image[window] = torch.from_numpy(np.repeat(pattern[..., None], 3, -1).astype(np.uint8))
    moving[window] = True
    return image, moving


def clip(lefts: Sequence[int], masked: bool = True) -> Capture:
    images, masks = zip(*(frame(left) for left in lefts), strict=True)
    count = len(lefts)
    K = torch.tensor([[50.0, 0, WIDTH / 2], [0, 50.0, HEIGHT / 2], [0, 0, 1]]).repeat(count, 1, 1)
    sizes = (torch.full((count,), size) for size in (WIDTH, HEIGHT))
    cameras = Cameras(torch.eye(4).repeat(count, 1, 1), K, *sizes)
    names = tuple(f"{row}.png" for row in range(count))
    return Capture("clip", None, cameras, names, images, dynamic_masks=masks if masked else None)


def test_a_thing_is_put_back_half_way() -> None:
    capture, scene = clip([20, 22, 24]), ground() / 255
    composite = with_moving(capture, (0, 2), (1,), None)
    assert composite is not None
    truth, moving = capture.images[1] / 255, frame(22)[1]
    error = (composite(scene, 0) - truth)[moving].abs().mean()
    assert error < 0.2 * (scene - truth)[moving].abs().mean()


def test_the_scene_stays_as_it_is_elsewhere() -> None:
    scene = torch.rand(HEIGHT, WIDTH, 3)
    composite = with_moving(clip([20, 22, 24]), (0, 2), (1,), None)
    assert composite is not None
    far = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    far[8:40, 8:56] = False
    assert torch.equal(composite(scene, 0)[far], scene[far])


def test_the_held_out_frame_itself_takes_no_part() -> None:
    one, other = clip([20, 22, 24]), clip([20, 40, 24])
    drawn = [with_moving(capture, (0, 2), (1,), None) for capture in (one, other)]
    scene = ground() / 255
    first, second = (composite(scene, 0) for composite in drawn if composite is not None)
    assert torch.equal(first, second)


def test_the_camera_comes_first() -> None:
    composite = with_moving(clip([20, 22, 24]), (0, 2), (1,), lambda image, _: 0.5 * image)
    assert composite is not None
    assert torch.equal(composite(torch.ones(HEIGHT, WIDTH, 3), 0)[0, 0], torch.full((3,), 0.5))


def test_without_masks_there_is_nothing_to_put_back() -> None:
    capture = clip([20, 22, 24], masked=False)
    assert with_moving(capture, (0, 2), (1,), None) is None


def test_at_an_end_of_the_clip_the_scene_stands_alone() -> None:
    composite = with_moving(clip([20, 22]), (0,), (1,), None)
    assert composite is not None
    scene = torch.rand(HEIGHT, WIDTH, 3)
    assert torch.equal(composite(scene, 0), scene)


@pytest.mark.parametrize(("row", "expected"), [(5, (4, 6)), (4, (3, 6)), (0, None), (9, None), (7, (6, 8))])
def test_neighbours_are_the_nearest_that_trained(row: int, expected: tuple[int, int] | None) -> None:
    assert neighbours(row, (8, 1, 6, 3, 4) if row != 4 else (8, 1, 6, 3)) == expected
