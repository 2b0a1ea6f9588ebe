"""Steps of the street method: the loss falls, what is switched off costs nothing, state comes back."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from configs.street import PRESETS
from core.schedules import ScheduleConfig
from scene.capture import Capture, PointCloud
from scene.datasets import open_log
from scene.gaussian_model import StaticGaussians
from scene.splits import split_frames
from scene.street_gaussians import StreetGaussians
from tests.training.streets import write_log
from training.street import StreetFitConfig, StreetTask
from training.street_config import make_deformation
from training.street_losses import StreetLossConfig
from training.task import Stepper

CONFIG = replace(PRESETS["street-tiny"].fit, schedule=ScheduleConfig(iterations=30))
NO_TERMS = StreetLossConfig(**{name: type(value)(0) for name, value in vars(StreetLossConfig()).items()})


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return open_log(write_log(tmp_path_factory.mktemp("log") / "log"))


def start(capture: Capture, *, encoder: str = "none") -> StreetGaussians:
    """Gaussians at a few returns; a tenth of them may move."""
    drive = capture.drive
    assert drive is not None
    sweep = drive.sweeps[0]
    assert sweep is not None
    points = PointCloud(sweep.xyz[::12], torch.full((len(sweep.xyz[::12]), 3), 128, dtype=torch.uint8))
    config = replace(PRESETS["street-tiny"], encoder_type=encoder)  # pyright: ignore[reportArgumentType]
    box = torch.tensor([[-5.0, -20, -5], [30, 20, 5]])
    field = make_deformation(config, box, 6)
    still = StreetGaussians.standing(
        StaticGaussians.from_points(points, sh_degree=1), field, drive.duration_s
    )
    few = PointCloud(points.xyz[::10], points.rgb[::10])
    velocities = torch.zeros(len(few), 3)
    return still.joined(
        StaticGaussians.from_points(few, sh_degree=1), velocities, velocities[:, 0], span_s=0.5, gate=0.9
    )


def task_of(
    capture: Capture, config: StreetFitConfig = CONFIG, *, encoder: str = "none", masked: bool = False
) -> StreetTask:
    split = split_frames(capture, 3)
    moving = None
    if masked:
        assert capture.dynamic_masks is not None
        moving = [capture.dynamic_masks[view].float() for view in split.train]
    return StreetTask(config, capture, split.train, split.test, start(capture, encoder=encoder), moving)


def losses_of(task: StreetTask, steps: int) -> list[float]:
    views = task.batches(1)
    return [task.step(step, next(views), Stepper()).loss for step in range(1, steps + 1)]


@pytest.mark.parametrize("encoder", ["hash", "hexplane"])
def test_the_loss_falls(capture: Capture, encoder: str) -> None:
    task = task_of(capture, encoder=encoder)
    values = losses_of(task, 20)
    assert sum(values[-5:]) < 0.8 * sum(values[:5])
    deformation = task.model.deformation
    assert deformation is not None
    assert deformation.head.weight.abs().max() > 0
    numbers = task.evaluate().numbers
    assert set(numbers) == {"psnr", "ssim", "dpsnr_pooled", "separation_iou"}
    assert len(task.evaluate().pictures) == 2


def test_pixels_that_do_not_count_are_not_scored(capture: Capture) -> None:
    valid = torch.zeros(32, 48, dtype=torch.bool)
    valid[8:24] = True
    images = [torch.where(valid[..., None], image, 255 - image) for image in capture.images]
    masks = [valid] * len(capture)
    expected, found = (
        task_of(replace(capture, valid_masks=masks, images=each)).evaluate().numbers
        for each in (capture.images, images)
    )
    assert all(found[name] == expected[name] for name in ("psnr", "dpsnr_pooled"))
    whole = task_of(replace(capture, images=images)).evaluate().numbers
    assert whole["psnr"] != found["psnr"]


def test_state_comes_back(capture: Capture) -> None:
    first = task_of(capture, encoder="hash", masked=True)
    losses_of(first, 4)
    second = task_of(capture, encoder="hash", masked=True)
    second.load_state_dict(deepcopy(first.state_dict()))
    views = (first.batches(5), second.batches(5))
    for step in (5, 6):
        losses = [
            task.step(step, next(rows), Stepper()).loss
            for task, rows in zip((first, second), views, strict=True)
        ]
        assert losses[0] == losses[1]


def test_what_moves_does_not_count_where_only_the_static_is_learned(capture: Capture) -> None:
    """Painting over the moving pixels of the photographs changes neither loss nor gradient."""
    masks = capture.dynamic_masks
    assert masks is not None
    rows = range(len(capture))
    painted = replace(
        capture,
        images=[torch.where(masks[row][..., None], 0, capture.images[row]).to(torch.uint8) for row in rows],
    )
    # Windows of SSIM see what stands in for the masked pixels; single differences do not.
    loss = replace(CONFIG.loss, lambda_dssim=0.0)
    config = replace(CONFIG, terms=NO_TERMS, loss=loss, sky=replace(CONFIG.sky, sky=False))
    config = replace(config, staticness=replace(config.staticness, mask_dilation_px=0))
    losses = []
    for one in (capture, painted):
        task = task_of(one, config, masked=True)
        assert task.staticness is not None
        hard = [(~masks[view]).float() for view in task.train]
        task.staticness.weights = lambda row, *_, hard=hard: hard[row]  # pyright: ignore[reportAttributeAccessIssue]
        losses.append(losses_of(task, 2))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_terms_are_switches(capture: Capture) -> None:
    plain = replace(CONFIG, terms=NO_TERMS)
    base = losses_of(task_of(capture, plain), 1)[0]
    for name, weight in (("smoothness_weight", 1.0), ("lidar_weight", 1.0), ("gate_entropy_weight", 1.0)):
        terms = replace(NO_TERMS, **{name: weight})
        assert losses_of(task_of(capture, replace(plain, terms=terms)), 1)[0] > base + 1e-4, name
    pyramid = replace(NO_TERMS, pyramid_levels=2, pyramid_weight=1.0)
    assert losses_of(task_of(capture, replace(plain, terms=pyramid)), 1)[0] != base


def test_it_needs_a_log(capture: Capture) -> None:
    with pytest.raises(ValueError, match="driving log"):
        StreetTask(CONFIG, replace(capture, drive=None), [0], [], start(capture), None)


def test_an_earlier_stage_lends_its_sky_and_exposures(capture: Capture, tmp_path: Path) -> None:
    first, second = task_of(capture), task_of(capture)
    losses_of(first, 3)
    second.adopt(first.scene())
    assert first.sky is not None
    assert second.sky is not None
    assert first.exposures is not None
    assert second.exposures is not None
    assert torch.equal(first.sky.texture, second.sky.texture)
    assert torch.equal(first.exposures.transforms, second.exposures.transforms)
