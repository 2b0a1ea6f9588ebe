"""The static task: it learns, it resumes bit for bit, and each option does what it says."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from core.schedules import ScheduleConfig
from scene import Capture
from scene.densification import DefaultConfig, DensificationConfig, MCMCConfig
from scene.exposure import ExposureConfig
from tests.training.captures import tiny_capture
from training.static import ModelConfig, OptimizerConfig, RenderConfig, StaticConfig, StaticTask
from training.task import NonFiniteLossError, RehearsalOverError, RehearsalStepper, Stepper

ITERATIONS = 40
TRAIN, TEST = (1, 2, 3, 4, 5), (0,)

BASE = StaticConfig(
    schedule=ScheduleConfig(iterations=ITERATIONS),
    model=ModelConfig(sh_degree=1),
    densification=DensificationConfig(
        default=DefaultConfig(densification_min_steps=4, opacity_reset_min_steps=8)
    ),
)
WITHOUT_RESETS = DensificationConfig(
    default=DefaultConfig(densification_min_steps=10, opacity_reset_interval=0)
)
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "dense": {"optimizer": OptimizerConfig(optimizer="dense")},
    "absgrad": {
        "densification": DensificationConfig(default=DefaultConfig(absgrad=True, densification_min_steps=4))
    },
    "mcmc": {
        "densification": DensificationConfig(
            strategy="mcmc", max_gaussians=40, mcmc=MCMCConfig(refine_min_steps=3)
        )
    },
    "none": {"densification": DensificationConfig(strategy="none")},
    "exposure": {"exposure": ExposureConfig(exposure=True)},
    "random background": {"render": RenderConfig(random_background=True)},
    "white background": {"render": RenderConfig(white_background=True)},
    "antialiasing": {"render": RenderConfig(antialiasing=True)},
    "coarse to fine": {"render": RenderConfig(coarse_to_fine=2, coarse_to_fine_until=15_000)},
    "unscaled": {"schedule": ScheduleConfig(iterations=ITERATIONS, scale_schedule=False)},
}


@pytest.fixture(scope="module")
def capture() -> Capture:
    return tiny_capture()


@pytest.fixture(scope="module")
def rich_capture() -> Capture:
    return tiny_capture(depths=True, masks=True)


def take(task: StaticTask, first: int, last: int) -> list[float]:
    batches = task.batches(first)
    return [task.step(step, next(batches), Stepper()).loss for step in range(first, last + 1)]


def flat(state: Any) -> list[Any]:
    """Every leaf of a state."""
    if isinstance(state, dict):
        return [leaf for key in state for leaf in flat(state[key])]
    return [leaf for each in state for leaf in flat(each)] if isinstance(state, list) else [state]


def assert_equal_states(one: Any, other: Any) -> None:
    ours, theirs = flat(one), flat(other)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("name", VARIANTS)
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(name: str, capture: Capture) -> None:
    config = replace(BASE, **VARIANTS[name])
    whole = StaticTask(config, capture, TRAIN, TEST)
    pause, end = 17, 30
    losses = take(whole, 1, pause)
    paused = copy.deepcopy(whole.state_dict())
    losses += take(whole, pause + 1, end)
    resumed = StaticTask(config, capture, TRAIN, TEST)
    resumed.load_state_dict(paused)
    assert take(resumed, pause + 1, end) == losses[pause:]
    assert_equal_states(whole.state_dict(), resumed.state_dict())


@pytest.mark.parametrize("name", ["default", "dense", "mcmc", "exposure", "antialiasing"])
def test_the_loss_falls_and_unseen_views_get_better(name: str, capture: Capture) -> None:
    config = replace(BASE, densification=WITHOUT_RESETS, schedule=ScheduleConfig(iterations=100))
    task = StaticTask(replace(config, **VARIANTS[name]), capture, TRAIN, TEST)
    before = task.evaluate().numbers
    losses = take(task, 1, 100)
    after = task.evaluate().numbers
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    assert after["psnr"] > before["psnr"] + 2
    assert before["ssim"] < after["ssim"] <= 1


def test_the_resolution_rises_to_full(capture: Capture) -> None:
    task = StaticTask(replace(BASE, **VARIANTS["coarse to fine"]), capture, TRAIN, TEST)
    sizes = []

    class Measuring(Stepper):
        def backward(self, loss: torch.Tensor) -> float:
            sizes.append(task.views.get(0, task.views.halvings).cameras.size)
            return super().backward(loss)

    for step, row in zip(range(1, ITERATIONS + 1), task.batches(1), strict=False):
        task.step(step, row, Measuring())
    # Two halvings until the middle of the run.
    assert sizes == [(8, 6)] * 9 + [(16, 12)] * 10 + [(32, 24)] * 21


def test_depth_and_masks_take_part(rich_capture: Capture, capture: Capture) -> None:
    rich, plain = (StaticTask(BASE, each, TRAIN, TEST) for each in (rich_capture, capture))
    assert take(rich, 1, 5) != take(plain, 1, 5)
    without_prior = StaticTask(BASE, rich_capture, (0,), ())
    assert take(without_prior, 1, 3) == take(StaticTask(BASE, capture, (0,), ()), 1, 3)


def test_a_masked_pixel_teaches_nothing(rich_capture: Capture) -> None:
    covered = torch.zeros_like(rich_capture.images[0], dtype=torch.bool)[..., 0]
    masked = replace(rich_capture, valid_masks=[covered] * len(rich_capture), inverse_depths=None)
    task = StaticTask(BASE, masked, TRAIN, TEST)
    before = task.model.parameters["means"].detach().clone()
    assert take(task, 1, 3) == [0.0] * 3
    assert torch.equal(task.model.parameters["means"].detach(), before)


def test_a_run_is_a_function_of_its_seed(capture: Capture) -> None:
    runs = [take(StaticTask(replace(BASE, seed=seed), capture, TRAIN, TEST), 1, 12) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize("name", ["default", "exposure"])
def test_a_rehearsal_leaves_no_trace(name: str, capture: Capture) -> None:
    task, other = (StaticTask(replace(BASE, **VARIANTS[name]), capture, TRAIN, TEST) for _ in range(2))
    before = copy.deepcopy(task.state_dict())
    with pytest.raises(RehearsalOverError):
        task.step(1, 0, RehearsalStepper())
    assert_equal_states(before, task.state_dict())
    assert take(task, 1, 3) == take(other, 1, 3)
    assert_equal_states(task.state_dict(), other.state_dict())


def test_a_bad_loss_changes_nothing(capture: Capture) -> None:
    task = StaticTask(BASE, capture, TRAIN, TEST)
    take(task, 1, 2)
    with torch.no_grad():
        task.model.parameters["sh"][0, 0, 0] = math.inf
    before = copy.deepcopy(task.state_dict())
    with pytest.raises(NonFiniteLossError):
        take(task, 3, 8)
    assert_equal_states(before["optimizer"], task.state_dict()["optimizer"])


def test_learning_rates_follow_the_scale(capture: Capture) -> None:
    changes = []
    for scale in (1.0, 0.5):
        task = StaticTask(BASE, capture, TRAIN, TEST)
        before = task.model.parameters["means"].detach().clone()
        task.step(1, 0, Stepper(scale))
        changes.append(task.model.parameters["means"].detach() - before)
    torch.testing.assert_close(changes[0], 2 * changes[1], rtol=1e-2, atol=1e-6)


def test_the_cap_holds(capture: Capture) -> None:
    config = replace(BASE, densification=replace(BASE.densification, max_gaussians=30))
    task = StaticTask(config, capture, TRAIN, TEST)
    for step, row in zip(range(1, ITERATIONS + 1), task.batches(1), strict=False):
        task.step(step, row, Stepper())
        assert len(task.model) <= 30
    free = StaticTask(BASE, capture, TRAIN, TEST)
    take(free, 1, ITERATIONS)
    assert len(free.model) > 30


def test_numbers_are_given_when_asked_for(capture: Capture) -> None:
    task = StaticTask(BASE, capture, TRAIN, TEST)
    assert task.step(1, 0, Stepper()).numbers == {}
    numbers = task.step(2, 0, Stepper(reporting=True)).numbers
    assert numbers["gaussians"] == len(task.model)
    assert 5 < numbers["psnr"] < 60


def test_without_held_out_views_there_is_nothing_to_score(capture: Capture) -> None:
    assert StaticTask(BASE, capture, TRAIN, ()).evaluate().numbers == {}


def test_pictures_show_the_rendering_beside_the_truth(capture: Capture) -> None:
    pictures = StaticTask(BASE, capture, TRAIN, TEST).evaluate().pictures
    (name,) = pictures
    assert name == "test/000.png"
    assert torch.equal(pictures[name][:, 32:], capture.images[0])


def test_points_are_needed(capture: Capture) -> None:
    with pytest.raises(ValueError, match="with points"):
        StaticTask(BASE, replace(capture, points=None), TRAIN, TEST)
