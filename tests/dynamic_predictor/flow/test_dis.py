"""DIS on images whose motion is known."""

import cv2
import numpy as np
import pytest
import torch

from dynamic_predictor.flow.dis import DisFlow, evened


def texture(height: int = 96, width: int = 128, scale: float = 1.0) -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.clip(128 + scale * 300 * smooth, 0, 255).astype(np.uint8)


def moved(image: np.ndarray, x: float, y: float) -> np.ndarray:
    matrix = np.array([[1, 0, x], [0, 1, y]], dtype=np.float32)
    return cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (1.5, -0.75), (-4.0, 2.0), (6.0, 5.0)])
def test_a_translation_is_found_to_a_tenth_of_a_pixel(x: float, y: float) -> None:
    image = texture()
    flow = DisFlow()(torch.from_numpy(image), torch.from_numpy(moved(image, x, y)))
    assert flow.dtype == torch.float32
    error = (flow - torch.tensor([x, y])).norm(dim=-1)[16:-16, 16:-16]
    assert error.median() < 0.1
    assert error.quantile(0.95) < 0.25


def test_a_guess_finds_what_is_too_far_to_find_without() -> None:
    image = texture(96, 256)
    source, target = torch.from_numpy(image), torch.from_numpy(moved(image, 60.0, 0.0))
    truth = torch.tensor([60.0, 0.0])
    guess = torch.tensor([57.0, 1.0]).expand(96, 256, 2)
    kept = guess.clone()
    alone, guided = DisFlow()(source, target), DisFlow()(source, target, guess)
    inner = (slice(16, -16), slice(16, 170))
    assert (guided - truth).norm(dim=-1)[inner].median() < 0.1
    assert (alone - truth).norm(dim=-1)[inner].median() > 1.0
    assert torch.equal(guess, kept)


def test_contrast_is_evened_and_noise_is_not_blown_up() -> None:
    strong, weak = (evened(torch.from_numpy(texture(scale=scale))).std() for scale in (1.0, 0.4))
    assert strong / weak < 1.5 < texture().std() / texture(scale=0.4).std()
    flat = (np.random.default_rng(1).integers(0, 2, (64, 64, 1)) + 100).repeat(3, 2).astype(np.uint8)
    assert evened(torch.from_numpy(flat)).std() < 4
