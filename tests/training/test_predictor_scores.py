"""Scores of held-out pairs, against cases whose answer is known."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.motion_pairs import MotionPair
from tests.scene.motions import moving_view
from tests.training.predictions import said, truth
from training.predictor_batches import PairBatch
from training.predictor_scores import PairScores, picture, point_error


def test_masks_are_scored_by_intersection_over_union() -> None:
    targets = truth(0, 1)
    perfect = replace(said(0, 1), dynamic_1=targets.dynamic_1.float(), dynamic_2=targets.dynamic_2.float())
    numbers = PairScores.numbers(list(vars(PairScores.of(perfect, targets)).values()))
    assert (numbers["mask_iou"], numbers["mask_j"], numbers["mask_f"]) == (1, 1, 1)
    everything = replace(
        perfect, dynamic_1=torch.ones_like(targets.points_1[..., 0]), dynamic_2=targets.dynamic_2.float()
    )
    scores = PairScores.of(everything, targets)
    known = targets.labelled_1, targets.labelled_2
    moving = int((targets.dynamic_1 & known[0]).sum()), int((targets.dynamic_2 & known[1]).sum())
    assert scores.both == sum(moving)
    assert scores.images == 2
    assert scores.regions == pytest.approx(moving[0] / int(known[0].sum()) + 1), "a mean over images"
    assert scores.either == int(known[0].sum()) + moving[1]


def test_pixels_without_labels_are_not_scored() -> None:
    prediction, targets = said(1, 1), truth(1, 1)
    before = PairScores.of(prediction, targets)
    targets.dynamic_2[~targets.labelled_2] ^= True
    assert PairScores.of(prediction, targets) == before


@given(st.floats(0.1, 10), st.floats(-2, 2), st.integers(0, 50))
def test_point_errors_do_not_see_scale_and_shift_in_depth(scale: float, shift: float, seed: int) -> None:
    targets = truth(seed, 1)
    true, valid = (targets.points_1[0], targets.points_2[0]), (targets.valid_1[0], targets.valid_2[0])
    offset = torch.tensor([0, 0, shift])
    moved = (scale * true[0] + offset, scale * true[1] + offset)
    assert point_error(moved, true, valid) == pytest.approx(0, abs=1e-4)


def test_point_errors_are_in_the_units_of_the_truth() -> None:
    prediction, targets = said(2, 1), truth(2, 1)
    mine, valid = (prediction.pts3d_1[0], prediction.pts3d_2[0]), (targets.valid_1[0], targets.valid_2[0])
    true = (targets.points_1[0], targets.points_2[0])
    once, tenfold = point_error(mine, true, valid), point_error(mine, (10 * true[0], 10 * true[1]), valid)
    assert once > 0.1
    assert tenfold == pytest.approx(10 * once, rel=1e-4)


def test_what_cannot_be_scored_is_left_out() -> None:
    targets = truth(3, 1)
    for name in ("valid_1", "valid_2", "labelled_1", "labelled_2"):
        getattr(targets, name).zero_()
    scores = PairScores.of(said(3, 1), targets)
    assert PairScores.numbers(list(vars(scores).values())) == {}
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    points = torch.zeros(2, 2, 3)
    assert math.isnan(point_error((points, points), (points, points), (nothing, nothing)))


def test_sums_of_processes_add_up() -> None:
    one, two = (PairScores.of(said(seed, 1), truth(seed, 1)) for seed in (4, 5))
    summed = (one.as_tensor(torch.device("cpu")) + two.as_tensor(torch.device("cpu"))).tolist()
    numbers = PairScores.numbers(summed)
    assert numbers["mask_iou"] == pytest.approx((one.both + two.both) / (one.either + two.either))
    assert numbers["point_error"] == pytest.approx((one.point_error + two.point_error) / 2)


def test_pictures_show_image_truth_and_answer() -> None:
    view = moving_view(8, 6)
    batch = PairBatch.of([MotionPair(view, view, torch.eye(4))])
    shown = picture(batch, said(6, 1))
    assert shown.shape == (6, 24, 3)
    assert torch.equal(shown[:, :8], view.image)
    assert torch.equal(shown[:, 8:16, 0] == 255, view.dynamic)
