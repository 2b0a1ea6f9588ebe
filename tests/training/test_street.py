"""Steps of the street method: the loss falls, what is switched off costs nothing, state comes back."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from configs.street import PRESETS
from core.errors import UserError
from core.schedules import ScheduleConfig
from evaluation.lpips import Lpips
from scene.capture import Capture, PointCloud
from scene.datasets import open_log
from scene.gaussian_model import StaticGaussians
from scene.splits import split_frames
from scene.street_gaussians import StreetGaussians
from tests.training.streets import write_log
from training.street import StreetTask
from training.street_config import make_deformation
from training.street_fit_config import StreetFitConfig
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
    config = replace(CONFIG, loss=NO_TERMS, sky=replace(CONFIG.sky, sky=False))
    losses = []
    for one in (capture, painted):
        task = task_of(one, config, masked=True)
        assert task.staticness is not None
        hard = [(~masks[view]).float() for view in task.train]
        task.staticness.weights = lambda row, *_, hard=hard: hard[row]  # pyright: ignore[reportAttributeAccessIssue]
        losses.append(losses_of(task, 2))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


@pytest.mark.parametrize(
    "weight",
    [
        "lambda_dssim", "smoothness_weight", "lidar_weight", "sky_weight", "change_l1", "change_l2",
        "feature_l1", "feature_l2", "steadiness_weight", "rigidity_weight", "gate_entropy_weight",
    ],
)  # fmt: skip
def test_terms_are_switches(capture: Capture, weight: str) -> None:
    """Each adds to the loss of a street whose field changes something, and nothing else does."""
    losses = []
    for value in (0.0, 1.0):
        config = replace(CONFIG, loss=replace(NO_TERMS, **{weight: value}))
        task = task_of(with_sky(capture), config, encoder="hash")
        torch.manual_seed(0)
        assert task.model.deformation is not None
        torch.nn.init.normal_(task.model.deformation.head.weight)
        with torch.no_grad():
            task.model.parameters["velocities"].copy_(torch.randn(len(task.model), 3))
            task.model.deformation.field.tables.normal_()  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        losses.append(losses_of(task, 1)[0])
    assert losses[1] > losses[0] + 1e-6


def test_planes_have_terms_of_their_own(capture: Capture) -> None:
    plain, *others = (
        losses_of(task_of(capture, replace(CONFIG, loss=replace(NO_TERMS, **terms)), encoder="hexplane"), 1)
        for terms in (
            {},
            {"plane_tv": 1.0},
            {"feature_l1": 1.0},
            {"pyramid_levels": 2, "pyramid_weight": 1.0},
        )
    )
    assert others[0] > plain
    assert others[1] == plain
    assert others[2] != plain


def with_sky(capture: Capture) -> Capture:
    """With sky masks of twice the images' size, and none for one view."""
    assert capture.drive is not None
    masks = [torch.zeros(64, 96, dtype=torch.bool) for _ in range(len(capture))]
    for mask in masks:
        mask[:20] = True
    return replace(capture, drive=replace(capture.drive, sky_masks=[*masks[:-1], None]))


def test_what_is_drawn_is_what_is_scored(capture: Capture) -> None:
    """Training, scores and videos look alike with antialiasing and with a background."""
    looks: list[torch.Tensor] = []
    for render in ({}, {"antialiasing": True}, {"white_background": True}):
        sky = replace(CONFIG.sky, sky=False)
        config = replace(CONFIG, sky=sky, render=replace(CONFIG.render, **render))
        task = task_of(capture, config)
        time = task.time_of(1)
        moment = task.model.moment(time)
        trained = task.fit.draw(capture.cameras[1], task.schedule, 1, splats=moment.splats).images[0].detach()
        drawn = task.scene().draw(capture.cameras[1], time)
        torch.testing.assert_close(drawn.raw, trained)
        assert task.scene().draw(capture.cameras[1], time, parts="moving").image.mean() < 0.3
        looks.append(trained)
    assert (looks[0] - looks[1]).abs().max() > 1e-3
    assert (looks[0] - looks[2]).abs().max() > 0.1


def test_images_grow_and_sky_masks_with_them(capture: Capture) -> None:
    render = replace(CONFIG.render, coarse_to_fine=2, coarse_to_fine_until=20_000)
    config = replace(CONFIG, render=render, loss=replace(NO_TERMS, sky_weight=1.0, pyramid_levels=5))
    task = task_of(with_sky(capture), config)
    off = task_of(capture, replace(config, loss=replace(config.loss, sky_weight=0.0)))
    assert task.fit.halvings(0.0) == 2
    assert all(on > plain for on, plain in zip(losses_of(task, 2), losses_of(off, 2), strict=True))


def test_cameras_are_learned_by_option(capture: Capture) -> None:
    poses = replace(CONFIG.poses, optim_pose=True, pose_from_iter=0, pose_lr_init=1e-3, pose_lr_final=1e-3)
    fixed, free = task_of(capture), task_of(capture, replace(CONFIG, poses=poses))
    for task in (fixed, free):
        losses_of(task, 12)
    assert fixed.scene().cameras is not None
    assert torch.equal(fixed.scene().placed(capture).cameras.viewmats, capture.cameras.viewmats)
    moved = (free.scene().placed(capture).cameras.viewmats - capture.cameras.viewmats).abs().amax((1, 2))
    assert moved.min() > 0  # held-out views are carried along by those of their camera
    other = task_of(capture, replace(CONFIG, poses=poses))
    other.load_state_dict(deepcopy(free.state_dict()))
    assert torch.equal(other.poses.cameras().viewmats, free.poses.cameras().viewmats)


def test_lpips_counts_late(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    terms = replace(NO_TERMS, lpips_weight=1.0, lpips_from=0.5)
    monkeypatch.setattr("training.street.load_lpips", lambda *_, **__: None)
    with pytest.raises(UserError, match="--lpips-weight: no LPIPS without alex"):
        task_of(capture, replace(CONFIG, loss=terms))
    network = Lpips("alex", like_inria=False).eval()
    for weight in network.linear:
        weight.fill_(1.0)
    monkeypatch.setattr("training.street.load_lpips", lambda *_, **__: network)
    for step, counts in ((14, False), (15, True)):
        tasks = [task_of(capture, replace(CONFIG, loss=loss)) for loss in (terms, NO_TERMS)]
        one, other = (task.step(step, 0, Stepper()).loss for task in tasks)
        assert (one > other + 1e-4) == counts
    network.smallest_side = 100
    with pytest.raises(UserError, match="the smallest has 32"):
        task_of(capture, replace(CONFIG, loss=terms))


def test_it_needs_a_log(capture: Capture) -> None:
    with pytest.raises(ValueError, match="driving log"):
        StreetTask(CONFIG, replace(capture, drive=None), [0], [], start(capture), None)


def test_an_earlier_stage_lends_its_sky_and_exposures(capture: Capture) -> None:
    first, second = task_of(capture), task_of(capture)
    losses_of(first, 3)
    second.adopt(first.scene())
    assert first.sky is not None
    assert second.sky is not None
    assert first.exposures is not None
    assert second.exposures is not None
    assert torch.equal(first.sky.texture, second.sky.texture)
    assert torch.equal(first.exposures.transforms, second.exposures.transforms)
