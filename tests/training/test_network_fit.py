"""Parts of a batch are the batch, averages follow, rates fall as they should, broken steps change nothing."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from core.distributed import Team
from training.network_fit import NetworkFit, NetworkFitConfig
from training.sample_batches import Part
from training.task import NonFiniteLossError, Stepper

ALONE = Team(0, 1, torch.device("cpu"))
PLAIN = NetworkFitConfig(batch_size=4, learning_rate=0.1, precision="float32", ema_decay=0.9)


def fit_of(config: NetworkFitConfig = PLAIN) -> NetworkFit:
    torch.manual_seed(0)
    return NetworkFit(nn.Linear(3, 2), config, steps_per_epoch=2, seed=0, team=ALONE)


def inputs(step: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(4, 3, generator=torch.Generator().manual_seed(step)))


def take(fit: NetworkFit, step: int, pieces: int = 1, scale: float = 1.0) -> float:
    rows, size = inputs(step), 4 // pieces

    def losses(part: Part[Tensor]) -> tuple[Tensor, Tensor]:
        loss = scale * fit.network(torch.stack(part.samples)).square().mean()
        return loss, loss[None]

    parts = [Part(rows[first : first + size], first, 1 / pieces) for first in range(0, 4, size)]
    value, logged = fit.step(step, parts, losses, Stepper(reporting=True))
    assert logged[0].item() == pytest.approx(value)
    return value


def weights(fit: NetworkFit) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in fit.network.parameters()]


def test_parts_one_after_another_are_one_batch() -> None:
    whole, parted = fit_of(), fit_of()
    for step in (1, 2, 3):
        assert take(parted, step, pieces=4) == pytest.approx(take(whole, step), rel=1e-6)
    for one, other in zip(weights(whole), weights(parted), strict=True):
        torch.testing.assert_close(one, other)


def test_the_average_is_the_recursion_and_remembers_no_graph() -> None:
    fit = fit_of()
    expected = weights(fit)
    for step in (1, 2, 3):
        take(fit, step)
        expected = [0.9 * old + 0.1 * new for old, new in zip(expected, weights(fit), strict=True)]
    assert fit.best_network is fit.average
    for averaged, value in zip(fit.best_network.parameters(), expected, strict=True):
        torch.testing.assert_close(averaged, value)
        assert not averaged.requires_grad
        assert averaged.grad_fn is None


def test_without_an_average_the_network_itself_is_saved() -> None:
    fit = fit_of(replace(PLAIN, ema_decay=0.0))
    assert fit.best_network is fit.network


def test_the_average_follows_faster_at_first_when_asked_to() -> None:
    fit = fit_of(replace(PLAIN, ema_decay=0.9999, ema_warmup=True))
    before = weights(fit)
    take(fit, 1)
    decay = 2 / 11
    for averaged, old, new in zip(fit.best_network.parameters(), before, weights(fit), strict=True):
        torch.testing.assert_close(averaged, decay * old + (1 - decay) * new)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_state_goes_on_bit_for_bit(precision: str) -> None:
    config = replace(PLAIN, precision=precision, clip_gradient=1.0)
    whole, again = fit_of(config), fit_of(config)
    for step in (1, 2):
        take(whole, step)
    take(again, 1)
    resumed = fit_of(config)
    resumed.load_state_dict(again.state_dict())
    take(resumed, 2)
    assert whole.scaler.state_dict() == resumed.scaler.state_dict()
    for one, other in ((whole.network, resumed.network), (whole.best_network, resumed.best_network)):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_gradients_too_large_for_float16_are_left_out_and_the_scale_falls() -> None:
    fit = fit_of(replace(PLAIN, precision="float16", clip_gradient=1.0))
    fit.scaler.load_state_dict({**fit.scaler.state_dict(), "scale": 2.0**120})
    before, scale = weights(fit), fit.scaler.get_scale()
    assert math.isfinite(take(fit, 1))
    assert fit.scaler.get_scale() == scale / 2
    assert all(torch.equal(old, new) for old, new in zip(before, weights(fit), strict=True))


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_loss_that_is_no_number_changes_nothing(pieces: int) -> None:
    fit = fit_of()
    before = weights(fit)
    with pytest.raises(NonFiniteLossError):
        take(fit, 1, pieces, scale=math.nan)
    assert all(torch.equal(old, new) for old, new in zip(before, weights(fit), strict=True))
    take(fit, 1)
    assert all(parameter.isfinite().all() for parameter in fit.network.parameters())


def test_what_a_network_draws_depends_on_the_sample_and_disturbs_nobody() -> None:
    fit, drawn = fit_of(), []

    def losses(part: Part[Tensor]) -> tuple[Tensor, Tensor]:
        drawn.append(torch.rand(()).item())
        loss = fit.network(torch.stack(part.samples)).mean()
        return loss, loss[None]

    torch.manual_seed(5)
    for number in (7, 7, 8):
        fit.step(1, [Part(inputs(1), number, 1.0)], losses, Stepper())
    after = torch.rand(())
    torch.manual_seed(5)
    assert after == torch.rand(())
    assert drawn[0] == drawn[1] != drawn[2]


def test_rates_rise_and_fall() -> None:
    warm = NetworkFitConfig(learning_rate=1.0, warmup_steps=4)
    assert [warm.rate(step, 10) for step in (1, 2, 4, 5, 900)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    falling = NetworkFitConfig(learning_rate=1.0, rate_schedule="steps", decay_epochs=(1.0, 2.0), decay=0.5)
    assert [falling.rate(step, 10) for step in (1, 10, 11, 20, 21)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    cosine = NetworkFitConfig(learning_rate=1.0, rate_schedule="cosine", iterations=10)
    assert [cosine.rate(step, 3) for step in (1, 6, 11)] == pytest.approx([1.0, 0.5, 0.0])


def test_lengths() -> None:
    assert NetworkFitConfig(epochs=2.5).steps(4) == 10
    assert NetworkFitConfig(epochs=2.5, iterations=7).steps(4) == 7
    assert NetworkFitConfig(epochs=0.01).steps(4) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0.0}, {"batch_size": 0}, {"loaders": 0}, {"learning_rate": math.nan}, {"iterations": -1},
     {"clip_gradient": -1.0}, {"ema_decay": 1.0}],
)  # fmt: skip
def test_numbers_out_of_range_are_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NetworkFitConfig(**wrong)  # pyright: ignore[reportArgumentType]
