"""The predictor's training as a task: what learns, at which rate, and that a pause leaves no trace."""

import copy
from dataclasses import replace
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.distributed import Team
from core.errors import UserError
from dynamic_predictor.network.model import Network
from scene.motion_pairs import CaptureVideos, PairRule
from tests.scene.motions import moving_capture
from tests.training.predictions import MICRO, micro_network
from training.predictor import PredictorTask, PredictorTraining, TrainingLengthConfig, choose_trained
from training.predictor_batches import PairDataConfig
from training.predictor_losses import PredictorLossConfig
from training.task import NonFiniteLossError, Stepper, Task

ALONE = Team(0, 1, torch.device("cpu"))
CONFIG = PredictorTraining(
    trained="all",
    amp=False,
    length=TrainingLengthConfig(
        epochs=1.0, pairs_per_epoch=80, batch_size=2, learning_rate=5e-3, warmup_epochs=0.1, clip_gradient=1.0
    ),
    data=PairDataConfig(
        resolutions=((64, 48),), test_resolution=(64, 48), test_pairs=2, loaders=1, pairs=PairRule(1, 2, 1)
    ),
    loss=PredictorLossConfig(pointmap_weight=0.5),
)


def videos(seed: int = 0) -> CaptureVideos:
    return CaptureVideos([moving_capture(4, seed=seed), moving_capture(4, seed=seed + 1)])


def task(config: PredictorTraining = CONFIG, network: Network | None = None) -> PredictorTask:
    return PredictorTask(config, network or micro_network(), videos(), videos(7), ALONE)


def run(subject: PredictorTask, first: int, last: int, reporting: bool = False) -> list[float]:
    steps = range(first, last + 1)
    batches = islice(subject.batches(first), len(steps))
    return [
        subject.step(step, batch, Stepper(reporting=reporting)).loss
        for step, batch in zip(steps, batches, strict=True)
    ]


def test_it_is_a_task_of_the_length_asked_for() -> None:
    subject = task()
    assert isinstance(subject, Task)
    assert subject.schedule.iterations == 40


def test_a_pause_leaves_no_trace() -> None:
    whole = task()
    run(whole, 1, 6)
    paused = task()
    run(paused, 1, 3)
    state = copy.deepcopy(paused.state_dict())
    torch.manual_seed(99)  # the process' own random numbers must not matter
    resumed = task(network=micro_network(seed=5))
    resumed.load_state_dict(state)
    losses = run(resumed, 4, 6)
    assert losses == run(paused, 4, 6)
    for name, parameter in whole.network.named_parameters():
        assert torch.equal(parameter, paused.network.get_parameter(name)), name
        if name != "mask_token":  # of use to none, and never trained
            assert torch.equal(parameter, resumed.network.get_parameter(name)), name


def test_a_step_in_parts_is_the_same_step() -> None:
    """But for what is drawn at random, which here is nothing."""
    whole, parted = (
        task(replace(CONFIG, length=replace(CONFIG.length, batch_size=4, accumulate=parts)))
        for parts in (1, 3)
    )
    for subject in (whole, parted):
        for module in subject.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    assert len(next(parted.batches(1))) == 2, "of two pairs each: no part is larger than it must be"
    assert run(parted, 1, 3) == pytest.approx(run(whole, 1, 3), rel=1e-4)
    for name, parameter in whole.network.named_parameters():
        torch.testing.assert_close(parted.network.get_parameter(name), parameter, rtol=1e-3, atol=1e-4)


def test_random_numbers_of_others_are_not_disturbed() -> None:
    subject = task()
    before = torch.random.get_rng_state()
    run(subject, 1, 2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_loss_falls() -> None:
    losses = run(task(), 1, 40)
    assert sum(losses[-5:]) < 0.8 * sum(losses[1:6])


@pytest.mark.parametrize("trained", ["masks", "decoder", "all"])
def test_only_what_is_trained_changes(trained: str) -> None:
    subject = task(replace(CONFIG, trained=trained))
    before = {name: parameter.detach().clone() for name, parameter in subject.network.named_parameters()}
    run(subject, 1, 3)
    changed = {
        name
        for name, parameter in subject.network.named_parameters()
        if not torch.equal(parameter, before[name])
    }
    assert changed <= set(subject.trained)
    tops = {name.partition(".")[0] for name in changed}
    heads = {"downstream_head_dynamic_mask1", "downstream_head_dynamic_mask2"}
    decoder = {
        "decoder_embed", "dec_blocks", "dec_blocks2", "dec_norm", "downstream_head1", "downstream_head2",
    }  # fmt: skip
    encoder = {"patch_embed", "enc_blocks", "enc_norm"}
    assert tops == heads | {"masks": set(), "decoder": decoder, "all": decoder | encoder}[trained]


def test_frozen_weights_are_no_part_of_the_state() -> None:
    subject = task(replace(CONFIG, trained="masks"))
    names = set(subject.state_dict()["trained"])
    assert names
    assert all(name.startswith("downstream_head_dynamic_mask") for name in names)


def test_biases_and_norms_do_not_decay() -> None:
    subject = task()
    decaying, others = subject.optimizer.param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.05, 0)
    assert all(parameter.ndim > 1 for parameter in decaying["params"])
    assert all(parameter.ndim == 1 for parameter in others["params"])
    assert len(decaying["params"]) + len(others["params"]) == len(choose_trained(subject.network, "all"))


def test_reports_tell_both_losses() -> None:
    subject = task()
    batch = next(subject.batches(1))
    report = subject.step(1, batch, Stepper(reporting=True))
    assert set(report.numbers) == {"mask_entropy", "point_loss", "learning_rate"}
    assert not subject.step(2, batch, Stepper()).numbers


def test_bfloat16_computes_about_the_same() -> None:
    exact, rough = task(), task(replace(CONFIG, amp=True))
    assert run(rough, 1, 1) == pytest.approx(run(exact, 1, 1), rel=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in rough.network.parameters())


def test_evaluation_leaves_the_training_as_it_was() -> None:
    subject, other = task(), task()
    run(subject, 1, 2)
    run(other, 1, 2)
    evaluation = subject.evaluate()
    assert set(evaluation.numbers) == {"mask_iou", "mask_j", "mask_f", "point_error"}
    assert evaluation.numbers == subject.evaluate().numbers
    assert len(evaluation.pictures) == 2
    assert run(subject, 3, 4) == run(other, 3, 4)


def test_a_loss_that_is_no_number_changes_nothing() -> None:
    subject = task()
    before = {name: parameter.detach().clone() for name, parameter in subject.trained.items()}
    batch = next(subject.batches(1))
    batch[0].images_1.fill_(torch.nan)
    with pytest.raises(NonFiniteLossError):
        subject.step(1, batch, Stepper())
    assert all(torch.equal(parameter, before[name]) for name, parameter in subject.trained.items())


def test_what_cannot_be_trained_is_told() -> None:
    with pytest.raises(UserError, match="multiples of the network's patch"):
        task(replace(CONFIG, data=replace(CONFIG.data, resolutions=((64, 50),))))
    with pytest.raises(UserError, match="no heads that say what moves"):
        task(network=Network(replace(MICRO, dynamic_heads=False)))
    with pytest.raises(UserError, match="does not divide into 3 processes"):
        PredictorTask(CONFIG, micro_network(), videos(), videos(), Team(0, 3, torch.device("cpu")))


@given(st.floats(0, 5), st.integers(1, 64))
def test_rates_rise_and_fall(warmup: float, batch_size: int) -> None:
    length = TrainingLengthConfig(
        epochs=10.0, pairs_per_epoch=640, batch_size=batch_size, learning_rate=1e-3, warmup_epochs=warmup
    )
    rates = [length.rate(step) for step in range(1, length.steps + 1)]
    top = max(range(len(rates)), key=rates.__getitem__)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] == (0 if warmup else 1e-3)
    assert max(rates) == pytest.approx(1e-3, rel=0.02)
    assert 1e-6 < rates[-1] < 3e-6  # one step from the end


def test_a_rate_half_way_down_is_the_mean() -> None:
    length = TrainingLengthConfig(epochs=5.0, pairs_per_epoch=100, batch_size=10, warmup_epochs=1.0)
    assert length.rate(31) == pytest.approx((5e-5 + 1e-6) / 2)
    assert length.rate(6) == pytest.approx(5e-5 / 2)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        TrainingLengthConfig(batch_size=0)
    with pytest.raises(ValueError, match="warmup_epochs"):
        TrainingLengthConfig(warmup_epochs=-1.0)
    with pytest.raises(ValueError, match="seed"):
        PredictorTraining(seed=-1)
