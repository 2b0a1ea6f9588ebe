"""Predictions as captures: cameras of whole frames, and maps registered with their pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import project_points, unproject_points
from scene.datasets import CaptureOptions, open_capture
from scene.datasets.prediction import FrameMaps, Window
from scene.prediction_files import write_prediction
from tests.scene.published import COUNT, HEIGHT, WIDTH, depth, probability, write_published
from tests.scene.test_prediction_files import CROP, FULL, facts_of, prediction_of

SIZES = st.integers(8, 40)


@given(SIZES, SIZES, SIZES, SIZES)
def test_a_ramp_stays_where_it_is(width: int, height: int, columns: int, rows: int) -> None:
    """A map that is linear in the frame's coordinates is so at any two sizes, away from the edges."""
    window = Window((0.0, 0.0, 100.0, 60.0), (100, 60), width, height)
    x, y = np.meshgrid((np.arange(columns) + 0.5) * 100 / columns, (np.arange(rows) + 0.5) * 60 / rows)
    spread = window.spread((x + 2 * y).astype(np.float32))
    x, y = np.meshgrid((np.arange(width) + 0.5) * 100 / width, (np.arange(height) + 0.5) * 60 / height)
    inside = (abs(x - 50) < 50 - 100 / columns) & (abs(y - 30) < 30 - 60 / rows)
    inside &= (abs(x - 50) < 50 - 100 / width) & (abs(y - 30) < 30 - 60 / height)
    # cv2 interpolates at 32nds of a pixel; shrinking moves the centres of rounded sizes a little.
    assert np.abs(spread - x - 2 * y)[inside].max(initial=0) < 8


def test_the_same_size_is_the_same_map() -> None:
    values = np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32)
    window = Window((0.0, 0.0, float(WIDTH), float(HEIGHT)), (WIDTH, HEIGHT), WIDTH, HEIGHT)
    np.testing.assert_allclose(window.spread(values), values, atol=1e-6)


def test_a_crop_lies_where_it_was_cut() -> None:
    """The middle of the frame was looked at, at half its size."""
    window = Window((8.0, 4.0, 16.0, 8.0), (32, 16), 32, 16)
    mask = torch.zeros(4, 8, dtype=torch.bool)
    mask[1, 2] = True  # pixels 12-13 and 6-7 of the frame
    maps = FrameMaps(window, mask, mask.float(), torch.ones(4, 8))
    found = maps.dynamic_mask()
    assert found.shape == (16, 32)
    assert found.nonzero().tolist() == [[6, 12], [6, 13], [7, 12], [7, 13]]
    known = maps.inverse_depth() > 0
    assert known[4:12, 8:24].all()
    assert int(known.sum()) == 16 * 8
    assert maps.dynamic_probability().max() > 0.5


def test_depths_are_interpolated_among_their_like() -> None:
    window = Window((0.0, 0.0, 8.0, 8.0), (8, 8), 32, 32)
    depths = torch.full((8, 8), 4.0)
    depths[:, 5:] = 0
    inverse = FrameMaps(window, depths > 9, torch.zeros(8, 8), depths).inverse_depth()
    assert torch.allclose(inverse[:, :20], torch.tensor(0.25))
    assert (inverse[:, 20:] == 0).all()


@pytest.mark.parametrize("rearranged", [False, True])
def test_published_predictions_are_captures(tmp_path: Path, rearranged: bool) -> None:
    capture = open_capture(write_published(tmp_path / "dog", rearranged=rearranged))
    assert len(capture) == COUNT
    assert capture.cameras.size == (WIDTH, HEIGHT)
    assert capture.points is None
    assert capture.dynamic_masks is not None
    assert capture.dynamic_probabilities is not None
    assert capture.inverse_depths is not None
    assert capture.times is not None
    torch.testing.assert_close(capture.times, torch.linspace(0, 1, COUNT))
    for row in (0, COUNT - 1):
        assert np.array_equal(capture.dynamic_masks[row].numpy(), probability(row) > 0.5)
        np.testing.assert_allclose(capture.dynamic_probabilities[row].numpy(), probability(row), atol=1e-6)
        inverse = capture.inverse_depths[row]
        assert inverse is not None
        np.testing.assert_allclose(inverse[5:].numpy(), 1 / depth(row)[5:], rtol=1e-5)
        assert (inverse[:3] == 0).all()  # their confidence is minus infinity
    assert "cameras by das3r, medium assurance" in capture.notes


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    facts = facts_of(tmp_path, 4)
    prediction = prediction_of(facts, 3)
    prediction = replace(prediction, depths=1 + prediction.depths, confidences=torch.ones(4, 16, 32))
    write_prediction(tmp_path, prediction, facts)
    return tmp_path


def test_ours_are_captures_at_the_size_of_the_frames(ours: Path) -> None:
    capture = open_capture(ours)
    assert capture.cameras.size == FULL
    assert capture.points is not None
    assert len(capture.points) == 5
    assert capture.dynamic_masks is not None
    assert capture.dynamic_masks[0].shape == FULL[::-1]
    for note in ("cameras by monst3r, low assurance", "it only turns"):
        assert note in capture.notes
    assert "the cameras of 1 of 4 frames were filled in from their neighbours" in capture.notes


def test_depths_and_cameras_agree_with_the_working_size(ours: Path) -> None:
    """A working pixel and the pixel of the frame that shows the same ray unproject to the same point."""
    prediction = prediction_of(facts_of(ours, 4), 3)
    capture = open_capture(ours)
    assert capture.inverse_depths is not None
    left, top, width, height = CROP
    working = torch.tensor([[10.5, 7.5], [20.5, 3.5]])
    full = working * torch.tensor([width / 32, height / 16]) + torch.tensor([left, top])
    depths = 1 + prediction.depths[0][[7, 3], [10, 20]]
    points = unproject_points(working, depths, prediction.cameras.viewmats[0], prediction.cameras.Ks[0])
    pixels, z = project_points(points, capture.cameras.viewmats[0], capture.cameras.Ks[0])
    torch.testing.assert_close(pixels, full, rtol=0, atol=1e-3)
    inverse = capture.inverse_depths[0]
    assert inverse is not None
    columns, rows = (full - 0.5).round().long().T
    torch.testing.assert_close(inverse[rows, columns], 1 / z, rtol=0.05, atol=0)


def test_images_can_be_smaller(ours: Path) -> None:
    capture = open_capture(ours, CaptureOptions(resolution=2))
    assert capture.cameras.size == (50, 30)
    assert capture.dynamic_probabilities is not None
    assert capture.dynamic_probabilities[1].shape == (30, 50)
    torch.testing.assert_close(
        capture.cameras.Ks[0, 0, 0], open_capture(ours).cameras.Ks[0, 0, 0] / 2, rtol=1e-6, atol=0
    )


def test_random_points_only_if_asked_for(tmp_path: Path) -> None:
    folder = write_published(tmp_path / "dog", rearranged=True)
    assert open_capture(folder).points is None
    points = open_capture(folder, CaptureOptions(random_points=50)).points
    assert points is not None
    assert len(points) == 50
