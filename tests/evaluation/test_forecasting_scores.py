"""Forecasts of a car that drives off: right ones, and the last frame repeated."""

import pytest
import torch

from evaluation.forecasting_scores import COPY_LAST, ForecastScores, forecast_table
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import Grid, Occupancy


def driving(frames: int = 4, invalid: bool = False) -> Occupancy:
    """Road everywhere, and a car of four voxels that moves by one voxel a frame."""
    classes = torch.zeros(frames, 12, 4, 2, dtype=torch.uint8)
    classes[:, :, :, 0] = 6
    for t in range(frames):
        classes[t, t : t + 4, 1, 1] = CARLASC.vehicle
    unseen = torch.zeros_like(classes, dtype=torch.bool)
    unseen[:, :, 1, 1] = True
    grid = Grid((12, 4, 2), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Occupancy(classes, CARLASC, grid, unseen if invalid else None, seconds_per_frame=0.5)


def test_a_right_forecast_is_perfect() -> None:
    truth = driving().frames(slice(1, 4))
    scores = ForecastScores.of(truth.classes, truth)
    assert scores.miou == pytest.approx([100] * 3)
    assert scores.iou == pytest.approx([100] * 3)
    assert scores.seconds == [0.5, 1.0, 1.5]


def test_the_last_frame_grows_old() -> None:
    """A car that moved by n of its four voxels overlaps with itself by (4 - n) / (4 + n)."""
    whole = driving()
    truth = whole.frames(slice(1, 4))
    scores = ForecastScores.of_copy(whole.classes[0], truth)
    overlaps = [100 * (4 - n) / (4 + n) for n in (1, 2, 3)]
    assert [float(each.class_iou[CARLASC.vehicle]) for each in scores.counts] == pytest.approx(overlaps)
    assert scores.miou == pytest.approx([(100 + each) / 2 for each in overlaps])
    numbers = scores.numbers()
    assert numbers["mean_miou"] == pytest.approx(sum(scores.miou) / 3)


def test_what_nothing_observed_is_left_out() -> None:
    whole = driving(invalid=True)
    scores = ForecastScores.of_copy(whole.classes[0], whole.frames(slice(1, 4)))
    assert scores.miou == pytest.approx([100] * 3)


def test_sequences_add_up() -> None:
    whole = driving()
    truth = whole.frames(slice(1, 4))
    good, old = ForecastScores.of(truth.classes, truth), ForecastScores.of_copy(whole.classes[0], truth)
    both = good + old
    for one, other, total in zip(good.counts, old.counts, both.counts, strict=True):
        assert torch.equal(total.as_tensor(), one.as_tensor() + other.as_tensor())
    with pytest.raises(ValueError, match="3 and of 2 frames"):
        good + ForecastScores.of(truth.classes[:2], truth.frames(slice(0, 2)))
    with pytest.raises(ValueError, match="a forecast"):
        ForecastScores.of(truth.classes[:2], truth)


def test_table() -> None:
    whole = driving()
    truth = whole.frames(slice(1, 4))
    rows = {
        "ours": ForecastScores.of(truth.classes, truth),
        COPY_LAST: ForecastScores.of_copy(whole.classes[0], truth),
    }
    header, ours, baseline = forecast_table(rows).splitlines()
    assert header.split() == ["mIoU", "/", "IoU", "0.5", "s", "1", "s", "1.5", "s", "mean"]
    assert ours.count("100.0 / 100.0") == 4
    assert baseline.startswith(COPY_LAST)
    assert "100.0 / 100.0" not in baseline
