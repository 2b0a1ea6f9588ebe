"""The clean-up of confidences."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dynamic_predictor.alignment.cleaning import cleaned_confidences
from tests.dynamic_predictor.alignment.published import Published
from tests.dynamic_predictor.alignment.scenes import FOCAL, HEIGHT, WIDTH, wall


def naive(depths: Tensor, confidences: Tensor, c2w: Tensor, focal: float) -> Tensor:
    cleaned = confidences.clone()
    frames, height, width = depths.shape
    w2c = torch.linalg.inv(c2w)
    for i in range(frames):
        for j in range(frames):
            for row in range(height):
                for column in range(width):
                    if i == j:
                        continue
                    z = depths[i, row, column]
                    at = torch.tensor([column + 0.5 - width / 2, row + 0.5 - height / 2]).double() / focal
                    point = c2w[i] @ torch.cat([at * z, z[None], torch.ones(1).double()])
                    x, y, depth, _ = w2c[j] @ point
                    u, v = (round((focal * axis / depth + half).item()) for axis, half in
                            ((x, width / 2 - 0.5), (y, height / 2 - 0.5)))  # fmt: skip
                    if depth <= 0 or not (0 <= u < width and 0 <= v < height):
                        continue
                    hides = depth < 0.999 * depths[j, v, u]
                    if hides and cleaned[i, row, column] < cleaned[j, v, u]:
                        cleaned[i, row, column] = 0
    return cleaned


def case(frames: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    scene = wall(frames)
    depths = scene.depths.reshape(-1, HEIGHT, WIDTH) * (1 + 0.05 * torch.randn(frames, HEIGHT, WIDTH))
    confidences = 1 + torch.rand(frames, HEIGHT, WIDTH, dtype=torch.float64)
    return depths, confidences, scene.c2w, torch.full((frames,), FOCAL, dtype=torch.float64)


def test_it_does_what_the_loops_do() -> None:
    depths, confidences, c2w, focals = case()
    found = cleaned_confidences(depths, confidences, c2w, focals)
    assert (found == 0).any()
    torch.testing.assert_close(found, naive(depths, confidences, c2w, FOCAL), rtol=0, atol=0)


def test_a_wide_window_is_all_and_an_empty_one_changes_nothing() -> None:
    depths, confidences, c2w, focals = case(4)
    everything = cleaned_confidences(depths, confidences, c2w, focals)
    assert torch.equal(cleaned_confidences(depths, confidences, c2w, focals, window=3), everything)
    near = cleaned_confidences(depths, confidences, c2w, focals, window=1)
    assert (near == 0).sum() < (everything == 0).sum()
    assert torch.equal(cleaned_confidences(depths, confidences, c2w, focals, window=0), confidences)


def test_a_true_surface_keeps_its_confidence() -> None:
    _, confidences, c2w, focals = case()
    flat = torch.full((3, HEIGHT, WIDTH), 2.0, dtype=torch.float64)
    same = c2w[:1].repeat(3, 1, 1)
    assert torch.equal(cleaned_confidences(flat, confidences, same, focals), confidences)


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_published_numbers(golden: Path, precision: str) -> None:
    numbers = Published(golden)
    found = cleaned_confidences(
        numbers[f"{precision}_final_depth"],
        numbers["im_conf"],
        numbers[f"{precision}_final_c2w"],
        numbers[f"{precision}_final_focals"][:, 0],
        center=0.0,
    )
    torch.testing.assert_close(found, numbers[f"{precision}_im_conf_after_clean"], rtol=0, atol=1e-6)
