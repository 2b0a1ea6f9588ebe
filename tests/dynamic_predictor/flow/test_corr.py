"""Correlations and their windows, against loops."""

import math

import torch

from dynamic_predictor.flow.corr import correlation, look_up


def test_correlation_is_every_inner_product() -> None:
    first, second = torch.rand(2, 6, 3, 4), torch.rand(2, 6, 2, 5)
    found = correlation(first, second).view(2, 3, 4, 2, 5)
    expected = torch.einsum("bcij,bckl->bijkl", first, second) / math.sqrt(6)
    torch.testing.assert_close(found, expected)


def bilinear(image: torch.Tensor, x: float, y: float) -> float:
    total, left, top = 0.0, math.floor(x), math.floor(y)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column].item()
    return total


def test_windows_are_those_of_a_loop_with_x_before_y() -> None:
    batch, height, width, radius = 2, 3, 4, 2
    random = torch.Generator().manual_seed(5)
    pyramid = [
        torch.rand(batch * height * width, 1, *size, generator=random, dtype=torch.float64)
        for size in ((6, 7), (3, 3), (1, 1))
    ]
    places = 9 * torch.rand(batch, 2, height, width, generator=random, dtype=torch.float64) - 2
    found = look_up(pyramid, places, radius)
    assert found.shape == (batch, 3 * 25, height, width)
    for b in range(batch):
        for row in range(height):
            for column in range(width):
                x, y = places[b, :, row, column].tolist()
                expected = [
                    bilinear(level[(b * height + row) * width + column, 0], x / 2**n + dx, y / 2**n + dy)
                    for n, level in enumerate(pyramid)
                    for dx in range(-radius, radius + 1)
                    for dy in range(-radius, radius + 1)
                ]
                torch.testing.assert_close(
                    found[b, :, row, column], torch.tensor(expected, dtype=torch.float64), atol=1e-12, rtol=0
                )
