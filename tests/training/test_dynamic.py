"""The dynamic task: it learns what stands still, is blind to what moves, and resumes bit for bit."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from core.schedules import ScheduleConfig
from scene import Capture
from scene.datasets import CaptureOptions
from scene.densification import DefaultConfig, DensificationConfig, MCMCConfig
from scene.depth_points import DepthPointsConfig
from scene.exposure import ExposureConfig
from scene.staticness import StaticnessConfig
from tests.training.captures import HEIGHT, WIDTH, tiny_capture
from tests.training.test_static import assert_equal_states
from training.dynamic import DynamicConfig, DynamicTask
from training.gaussian_fit import ModelConfig, RenderConfig
from training.photometric import LossConfig
from training.pose_refinement import PoseConfig, se3_exp
from training.task import NonFiniteLossError, RehearsalOverError, RehearsalStepper, Stepper

ITERATIONS = 30
TRAIN, TEST = (1, 2, 3, 4, 5), (0,)
BASE = DynamicConfig(
    schedule=ScheduleConfig(iterations=ITERATIONS),
    model=ModelConfig(sh_degree=1),
    points=DepthPointsConfig(cell_px=3.0),
    densification=DensificationConfig(default=DefaultConfig(densification_min_steps=4)),
)
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "fixed cameras": {"poses": PoseConfig(optim_pose=False)},
    "focal length": {"poses": PoseConfig(optim_focal=True, pose_prior=0.01)},
    "no exposures": {"exposure": ExposureConfig(exposure=False)},
    "sharp and robust": {"staticness": StaticnessConfig(staticness_sharpness=0.3, staticness_level="robust")},
    "mcmc": {
        "densification": DensificationConfig(
            strategy="mcmc", max_gaussians=200, mcmc=MCMCConfig(refine_min_steps=3)
        )
    },
    "coarse to fine": {"render": RenderConfig(coarse_to_fine=2, coarse_to_fine_until=15_000)},
}


def box(view: int) -> tuple[slice, slice]:
    """Where the moving thing is."""
    return slice(8, 16), slice(3 * view + 4, 3 * view + 12)


def video(*, probabilities: bool = True, points: bool = False) -> Capture:
    """The blobs, with a white box that moves in front of them and is known to move."""
    capture = tiny_capture(depths=True)
    images, masks = [image.clone() for image in capture.images], []
    for view, image in enumerate(images):
        image[box(view)] = 255
        mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
        mask[box(view)] = True
        masks.append(mask)
    return replace(
        capture,
        images=images,
        dynamic_masks=masks,
        dynamic_probabilities=[0.9 * mask.float() + 0.05 for mask in masks] if probabilities else None,
        points=capture.points if points else None,
    )


@pytest.fixture(scope="module")
def capture() -> Capture:
    return video()


def take(task: DynamicTask, first: int, last: int) -> list[float]:
    batches = task.batches(first)
    return [task.step(step, next(batches), Stepper()).loss for step in range(first, last + 1)]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(name: str, capture: Capture) -> None:
    iterations, pause = 20, 11
    config = replace(BASE, schedule=ScheduleConfig(iterations=iterations), **VARIANTS[name])
    whole = DynamicTask(config, capture, TRAIN, TEST)
    losses = take(whole, 1, pause)
    paused = copy.deepcopy(whole.state_dict())
    losses += take(whole, pause + 1, iterations)
    resumed = DynamicTask(config, capture, TRAIN, TEST)
    resumed.load_state_dict(paused)
    assert take(resumed, pause + 1, iterations) == losses[pause:]
    assert_equal_states(whole.state_dict(), resumed.state_dict())
    assert torch.equal(whole.cameras().viewmats, resumed.cameras().viewmats)


def test_what_moves_teaches_nothing(capture: Capture) -> None:
    """Other pixels under the masks change nothing: no point, no depth and no statistic sees them."""
    other = [image.clone() for image in capture.images]
    for view, image in enumerate(other):
        image[box(view)] = 17
    assert capture.inverse_depths is not None
    depths = [None if each is None else each.clone() for each in capture.inverse_depths]
    for view, each in enumerate(depths):
        if each is not None:
            each[box(view)] = 0.7
    # Colours of points are means over cells, so a cell must not reach over the edge of a mask.
    # (Windows of SSIM do see them, as something on which image and photograph agree.)
    config = replace(BASE, points=DepthPointsConfig(cell_px=1.0), loss=LossConfig(lambda_dssim=0.0))
    tasks = [
        DynamicTask(config, each, TRAIN, TEST)
        for each in (capture, replace(capture, images=other, inverse_depths=depths))
    ]
    # Not bit for bit: the loss divides by 255 in another way than we do, and is some 1e-8 where it is zero.
    assert take(tasks[0], 1, 12) == pytest.approx(take(tasks[1], 1, 12), rel=1e-5)
    for name, table in tasks[0].model.parameters.items():
        torch.testing.assert_close(table, tasks[1].model.parameters[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lambda_dssim", [0.2, 1.0])
def test_windows_of_ssim_carry_nothing_over_the_edge_of_a_mask(lambda_dssim: float, capture: Capture) -> None:
    task = DynamicTask(replace(BASE, loss=LossConfig(lambda_dssim=lambda_dssim)), capture, TRAIN, TEST)
    view = task.views.get(0)
    truth = view.target.permute(1, 2, 0) / 255
    weights = task.staticness.weights(0, 0.0, HEIGHT, WIDTH)
    masked = weights == 0
    image = torch.where(masked[..., None], torch.rand(HEIGHT, WIDTH, 3), truth).requires_grad_()
    loss = task._photometric(image, truth, view, weights)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    elsewhere = (image.detach() + 0.1 * torch.rand(HEIGHT, WIDTH, 3)).requires_grad_()
    task._photometric(elsewhere, truth, view, weights).backward()
    assert elsewhere.grad is not None
    assert not elsewhere.grad[masked].any()
    assert elsewhere.grad[~masked].abs().sum(-1).min() > 0


def test_a_mean_over_static_pixels_does_not_depend_on_how_many_there_are(capture: Capture) -> None:
    """So that weights near zero are no way to a small loss."""
    task = DynamicTask(replace(BASE, loss=LossConfig(lambda_dssim=0.0)), capture, TRAIN, TEST)
    view = task.views.get(0)
    truth = view.target.permute(1, 2, 0) / 255
    full, tenth = (
        task._photometric(truth + 0.1, truth, view, torch.full((HEIGHT, WIDTH), weight)).item()
        for weight in (1.0, 0.1)
    )
    assert full == pytest.approx(0.1, rel=1e-4)
    assert tenth == pytest.approx(full, rel=1e-4)


def test_the_loss_falls_and_unseen_frames_get_better(capture: Capture) -> None:
    config = replace(BASE, schedule=ScheduleConfig(iterations=60))
    task = DynamicTask(config, capture, TRAIN, TEST)
    before = task.evaluate()
    losses = take(task, 1, 60)
    after = task.evaluate()
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert after.numbers["psnr_static"] > before.numbers["psnr_static"]
    assert [picture.shape for picture in after.pictures.values()] == [(HEIGHT, 2 * WIDTH, 3)]


def test_a_mover_that_no_mask_names_loses_its_weight(capture: Capture) -> None:
    blind = replace(capture, dynamic_masks=None, dynamic_probabilities=None)
    config = replace(
        BASE,
        schedule=ScheduleConfig(iterations=80),
        staticness=StaticnessConfig(
            staticness_from_iter=3_000, staticness_smooth_px=1, staticness_prior=0.01
        ),
    )
    task = DynamicTask(config, blind, TRAIN, TEST)
    take(task, 1, 80)
    weights = task.staticness.weights(2, 30_000.0, HEIGHT, WIDTH)
    inside = weights[box(TRAIN[2])].mean()
    assert float(inside) < 0.75 * float(weights.mean())


def test_a_camera_that_is_off_comes_nearer() -> None:
    right = tiny_capture(depths=True)
    viewmats = right.cameras.viewmats.clone()
    viewmats[3] = se3_exp(torch.tensor([0.02, -0.015, 0.02, 0.05, -0.06, 0.03])) @ viewmats[3]
    moved = replace(right, cameras=replace(right.cameras, viewmats=viewmats))
    config = replace(
        BASE,
        schedule=ScheduleConfig(iterations=100),
        poses=PoseConfig(pose_from_iter=0, pose_lr_init=2e-3, pose_lr_final=2e-4),
        densification=DensificationConfig(strategy="none"),
        points=DepthPointsConfig(cell_px=2.0),
    )
    task = DynamicTask(config, moved, TRAIN, TEST)

    def error() -> float:
        return float((task.cameras().viewmats[3] - right.cameras.viewmats[3]).abs().max())

    before = error()
    take(task, 1, 100)
    assert error() < 0.7 * before


def test_masks_serve_where_there_are_no_probabilities_and_points_where_there_is_no_depth() -> None:
    certain = DynamicTask(BASE, video(probabilities=False), TRAIN, TEST)
    weights = certain.staticness.weights(0, 0.0, HEIGHT, WIDTH)
    assert not weights[box(TRAIN[0])].any()
    pointed = replace(video(points=True), inverse_depths=None)
    task = DynamicTask(BASE, pointed, TRAIN, TEST)
    assert pointed.points is not None
    assert len(task.model) == len(pointed.points)
    assert all(map(math.isfinite, take(task, 1, 3)))


def test_exposures_of_held_out_frames_are_those_of_their_neighbours(capture: Capture) -> None:
    task = DynamicTask(BASE, capture, (0, 2, 3, 4, 5), (1,))
    take(task, 1, 12)
    exposures = task.held_out_exposures()
    assert exposures is not None
    torch.testing.assert_close(exposures[1], (exposures[0] + exposures[2]) / 2)
    without = replace(BASE, exposure=ExposureConfig(exposure=False))
    assert DynamicTask(without, capture, TRAIN, TEST).held_out_exposures() is None


def test_a_rehearsal_leaves_no_trace(capture: Capture) -> None:
    task, other = (DynamicTask(BASE, capture, TRAIN, TEST) for _ in range(2))
    before = copy.deepcopy(task.state_dict())
    with pytest.raises(RehearsalOverError):
        task.step(1, 0, RehearsalStepper())
    assert_equal_states(task.state_dict(), before)
    assert take(task, 1, 6) == take(other, 1, 6)


def test_a_loss_that_is_no_number_changes_nothing(capture: Capture) -> None:
    task = DynamicTask(BASE, capture, TRAIN, TEST)
    task.model.parameters["sh"].data[:, 0, 0] = math.inf
    before = copy.deepcopy(task.poses.state_dict())
    with pytest.raises(NonFiniteLossError):
        take(task, 1, 1)
    assert_equal_states(task.poses.state_dict(), before)


def test_a_run_is_a_function_of_its_seed(capture: Capture) -> None:
    runs = [take(DynamicTask(replace(BASE, seed=seed), capture, TRAIN, TEST), 1, 8) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_report_tells_how_much_is_static(capture: Capture) -> None:
    task = DynamicTask(BASE, capture, TRAIN, TEST)
    numbers = task.step(1, 0, Stepper(reporting=True)).numbers
    assert set(numbers) == {"psnr", "gaussians", "static"}
    assert 0 < numbers["static"] < 1
    assert task.evaluate().numbers.keys() == {"psnr_static"}
    assert DynamicTask(BASE, capture, TRAIN, ()).evaluate().numbers == {}


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        DynamicConfig(seed=-1, capture=CaptureOptions())
