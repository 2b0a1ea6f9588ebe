"""The autoencoder's steps and scores, however the work is divided."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.distributed import Team
from evaluation.occupancy_scores import ConfusionCounts
from scene.datasets.occupancy import open_occupancy
from scene.occupancy.classes import CARLASC
from scene.occupancy.windows import Windows
from tests.generation.micro import write_recordings
from tests.training.occupancy_runs import VAE_TRAINING, assert_close, gradients
from training.hexplane_vae import VaeTask, VaeTraining, WindowConfig, scores_of
from training.task import Stepper
from training.train_vae import make_vae

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Windows, Windows]:
    data = open_occupancy(write_recordings(tmp_path_factory.mktemp("drives")))
    return Windows(data.train, 4), Windows(data.test, 4)


def task_of(
    windows: tuple[Windows, Windows], config: VaeTraining = VAE_TRAINING, team: Team | None = None
) -> VaeTask:
    return VaeTask(config, make_vae(config), *windows, torch.ones(12), team or Team(0, 1, CPU))


def trained(task: VaeTask, steps: int) -> list[float]:
    """Losses of the first steps."""
    batches = task.batches(1)
    return [task.step(step, next(batches), Stepper()).loss for step in range(1, steps + 1)]


def test_the_loss_falls(windows: tuple[Windows, Windows]) -> None:
    losses = trained(task_of(windows), 12)
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])


def test_parts_one_after_another_take_the_same_steps(windows: tuple[Windows, Windows]) -> None:
    """Although each sample is drawn at random, as what is drawn belongs to the sample."""
    whole = task_of(windows)
    parted = task_of(windows, replace(VAE_TRAINING, fit=replace(VAE_TRAINING.fit, accumulate=4)))
    assert trained(parted, 1) == pytest.approx(trained(whole, 1), rel=1e-6)
    assert_close(gradients(parted), gradients(whole))


def test_reports_tell_the_terms_of_the_loss(windows: tuple[Windows, Windows]) -> None:
    task = task_of(windows)
    report = task.step(1, next(task.batches(1)), Stepper(reporting=True))
    numbers = report.numbers
    total = numbers["cross_entropy"] + numbers["lovasz"] + 0.0015 * numbers["kl"]
    assert report.loss == pytest.approx(total, rel=1e-5)
    assert numbers["learning_rate"] == 1e-2


def test_every_held_out_window_is_scored_once_by_one_of_the_processes(
    windows: tuple[Windows, Windows], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = task_of(windows)
    expected = alone.evaluate()
    counts: list[Tensor] = []

    def gathered(_: Team, value: Tensor) -> Tensor:
        counts.append(value.clone())
        return value

    monkeypatch.setattr(Team, "sum", gathered)
    pictures = set()
    for rank in range(2):
        pictures |= set(task_of(windows, team=Team(rank, 2, CPU)).evaluate().pictures)
    both = ConfusionCounts.from_tensor(sum(counts[1:], start=counts[0]))
    assert scores_of(both, CARLASC) == pytest.approx(expected.numbers)
    voxels = len(windows[1]) * 4 * 16 * 16 * 8
    assert int(both.true_positives.sum() + both.false_positives.sum() + both.removed) == voxels
    assert pictures == set(expected.pictures)


def test_some_windows_may_stand_for_all(windows: tuple[Windows, Windows]) -> None:
    config = replace(VAE_TRAINING, windows=WindowConfig(test_windows=1))
    evaluation = task_of(windows, config).evaluate()
    assert list(evaluation.pictures) == ["test/00001"]
    (picture,) = evaluation.pictures.values()
    assert picture.dtype == torch.uint8
    assert picture.shape[2] == 3


def test_scores_name_the_classes_that_occur() -> None:
    truth = torch.tensor([0, 6, 6, 10, 1])
    predicted = torch.tensor([0, 6, 10, 10, 6])
    scores = scores_of(ConfusionCounts.of(predicted, truth, classes=12), CARLASC)
    assert scores["iou_road"] == pytest.approx(100 / 3)
    assert scores["iou_vehicle"] == pytest.approx(50)
    assert scores["iou_building"] == 0
    assert scores["miou"] == pytest.approx((100 / 3 + 50) / 3)
    assert scores["iou"] == pytest.approx(100)
    assert {name for name in scores if name.startswith("iou_")} == {
        "iou_free",
        "iou_road",
        "iou_vehicle",
        "iou_building",
    }


def test_augmented_windows_are_mirrored_or_reversed_and_repeat(windows: tuple[Windows, Windows]) -> None:
    config = replace(VAE_TRAINING, windows=WindowConfig(augment=1.0))
    one, same = (next(task_of(windows, config).batches(1)) for _ in range(2))
    plain = next(task_of(windows).batches(1))
    changed = 0
    for mine, again, bare in zip(one[0].samples, same[0].samples, plain[0].samples, strict=True):
        assert torch.equal(mine, again)
        assert torch.equal(mine.flatten().bincount(), bare.flatten().bincount())
        changed += not torch.equal(mine, bare)
    assert changed


def test_fewer_windows_to_learn_from(windows: tuple[Windows, Windows]) -> None:
    config = replace(VAE_TRAINING, windows=WindowConfig(data_length=4))
    assert task_of(windows, config).loader.count == 4
    assert task_of(windows).loader.count == len(windows[0]) == 9


@pytest.mark.parametrize(
    "wrong", [{"skip": -1}, {"stride": 0}, {"augment": 1.5}, {"data_length": 0}, {"test_windows": -1}]
)
def test_numbers_out_of_range_are_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WindowConfig(**wrong)  # pyright: ignore[reportArgumentType]
