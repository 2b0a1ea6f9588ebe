"""Losses of the predictor's training, against formulas written out and laws."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.distributed import Team
from tests.training.predictions import said, truth
from training.predictor_losses import (
    LossTerms,
    PixelCounts,
    PixelMean,
    PredictorLossConfig,
    mask_errors,
    point_errors,
    terms_of,
    weighted_by_confidence,
)

ALONE = Team(0, 1, torch.device("cpu"))


@given(st.floats(0.01, 100), st.integers(0, 100))
def test_points_count_up_to_scale(scale: float, seed: int) -> None:
    first, second = said(seed), said(seed + 1)
    valid = (truth(seed).valid_1, truth(seed).valid_2)
    mine, true = (first.pts3d_1, first.pts3d_2), (second.pts3d_1, second.pts3d_2)
    errors = point_errors(mine, true, valid)
    scaled = point_errors((scale * mine[0], scale * mine[1]), true, valid)
    for error, other in zip(errors, scaled, strict=True):
        assert torch.allclose(error, other, rtol=1e-4, atol=1e-5)
    for error in point_errors(mine, (scale * mine[0], scale * mine[1]), valid):
        assert float(error.max()) < 1e-5


def test_point_errors_are_those_of_the_formula() -> None:
    """Two pixels each, one of them unknown: the mean distance is over the three known ones."""
    predicted = (torch.tensor([[[[0.0, 0, 3], [0, 0, 100]]]]), torch.tensor([[[[0.0, 4, 0], [2, 0, 0]]]]))
    true = (torch.tensor([[[[0.0, 0, 1], [7, 7, 7]]]]), torch.tensor([[[[1.0, 0, 0], [0, 1, 0]]]]))
    valid = (torch.tensor([[[True, False]]]), torch.tensor([[[True, True]]]))
    first, second = point_errors(predicted, true, valid)
    assert float(first[0, 0, 0]) == pytest.approx(0.0)  # 3 / 3 and 1 / 1
    assert second[0, 0].tolist() == pytest.approx([math.hypot(1, 4 / 3), math.hypot(2 / 3, 1)])


def test_the_cross_entropy_of_each_pixel() -> None:
    errors = mask_errors(torch.tensor([[[0.25, 0.25]]]), torch.tensor([[[True, False]]]), 3.0)
    assert errors[0, 0].tolist() == pytest.approx([-3 * math.log(0.25), -math.log(0.75)])


def test_it_is_best_to_be_as_sure_as_the_error_allows() -> None:
    confidences = torch.linspace(1, 10, 9001)
    errors = torch.full_like(confidences, 0.05)
    best = confidences[weighted_by_confidence(errors, confidences, 0.2).argmin()]
    assert float(best) == pytest.approx(0.2 / 0.05, abs=2e-3)


def test_means_leave_out_what_is_not_asked_for() -> None:
    values = torch.tensor([1.0, math.nan, 3.0, math.inf], requires_grad=True)
    mean = PixelMean.of(values, torch.tensor([True, False, True, False]))
    assert mean.value.item() == 2
    mean.value.backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0.5, 0, 0.5, 0]
    assert float(PixelMean.of(values.detach(), torch.zeros(4, dtype=torch.bool)).value) == 0


def test_terms_of_parts_add_up_to_those_of_the_whole() -> None:
    config = PredictorLossConfig(pointmap_weight=0.7)
    whole = terms_of(said(3, 4), truth(3, 4), config)
    parts = [terms_of(said(3, 4, rows), truth(3, 4, rows), config) for rows in (slice(0, 1), slice(1, 4))]
    joined = parts[0] + parts[1]
    assert isinstance(joined, LossTerms)
    assert torch.allclose(joined.loss(config), whole.loss(config))
    assert torch.allclose(joined.logged, whole.logged)
    counts = PixelCounts.of([truth(3, 4)], ALONE)
    shares = [part.over(counts) for part in parts]
    assert torch.allclose(shares[0].loss(config) + shares[1].loss(config), whole.loss(config))
    assert torch.allclose(shares[0].logged + shares[1].logged, whole.logged)


def test_the_published_loss_weights_by_confidence() -> None:
    prediction, targets = said(1), truth(1)
    assert prediction.dynamic_1 is not None
    assert prediction.dynamic_2 is not None
    expected = 0.0
    for probability, dynamic, confidence, labelled in (
        (prediction.dynamic_1, targets.dynamic_1, prediction.conf_1, targets.labelled_1),
        (prediction.dynamic_2, targets.dynamic_2, prediction.conf_2, targets.labelled_2),
    ):
        chosen = torch.where(dynamic, probability, 1 - probability).log()
        expected += float(-(confidence * chosen)[labelled].mean())
    terms = terms_of(prediction, targets, PredictorLossConfig())
    assert float(terms.loss(PredictorLossConfig())) == pytest.approx(expected, rel=1e-5)
    alike = terms_of(prediction, targets, PredictorLossConfig(confidence_weighting=False))
    assert float(alike.loss(PredictorLossConfig())) == pytest.approx(2 * float(alike.logged[0]))
    assert float(alike.loss(PredictorLossConfig())) < expected  # confidences are above 1


def test_weights_of_pixels_change_the_loss_and_not_the_entropy_that_is_logged() -> None:
    prediction, targets = said(5), truth(5)
    plain, weighted = (
        terms_of(prediction, targets, PredictorLossConfig(moving_weight=weight)) for weight in (1.0, 3.0)
    )
    config = PredictorLossConfig()
    assert float(weighted.loss(config)) > float(plain.loss(config))
    assert weighted.logged.tolist() == plain.logged.tolist()


def test_what_moves_does_not_teach_confidence() -> None:
    prediction = said(2)
    prediction.conf_1.requires_grad_()
    probability = prediction.dynamic_1
    assert probability is not None
    probability.requires_grad_()
    config = PredictorLossConfig()
    terms_of(prediction, truth(2), config).loss(config).backward()
    assert prediction.conf_1.grad is None
    assert probability.grad is not None
    both = PredictorLossConfig(pointmap_weight=1.0)
    terms_of(prediction, truth(2), both).loss(both).backward()
    assert prediction.conf_1.grad is not None


def test_labels_nobody_knows_do_not_count() -> None:
    prediction, targets = said(5), truth(5)
    config = PredictorLossConfig()
    before = terms_of(prediction, targets, config).loss(config)
    targets.dynamic_1[~targets.labelled_1] ^= True
    assert torch.equal(terms_of(prediction, targets, config).loss(config), before)


@pytest.mark.parametrize(
    "wrong", [{"mask_weight": -1.0}, {"moving_weight": 0.0}, {"confidence_alpha": math.nan}]
)
def test_weights_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PredictorLossConfig(**wrong)  # pyright: ignore
