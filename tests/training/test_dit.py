"""The transformer's steps and scores, however the work is divided, and what it is told about each window."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.distributed import Team
from core.randomness import generator
from generation.dit import DitConfig
from generation.dit.checkpoints import DitFacts
from generation.latents import LatentSplit
from generation.normalization import Normalization
from generation.rollout import plane_ids
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import Occupancy
from tests.generation.micro import GRID, UNCONDITIONAL, loaded_vae
from tests.generation.stored_latents import write_latents
from tests.training.occupancy_runs import DIT_TRAINING, assert_close, gradients
from training.dit import DitTask, DitTraining, strip
from training.task import Evaluation, Stepper
from training.train_dit import make_dit

CPU = torch.device("cpu")
FULL = replace(DIT_TRAINING, fit=replace(DIT_TRAINING.fit, precision="float32"))


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> tuple[LatentSplit, LatentSplit]:
    folder = write_latents(tmp_path_factory.mktemp("latents"))
    return LatentSplit(folder, "train"), LatentSplit(folder, "test")


def task_of(
    latents: tuple[LatentSplit, LatentSplit],
    config: DitTraining = FULL,
    team: Team | None = None,
    *,
    vae: bool = False,
) -> DitTask:
    facts = DitFacts("micro0", None, Normalization.of(latents[0]), legacy_driving=config.legacy_driving)
    pictures = loaded_vae() if vae else None
    return DitTask(config, make_dit(config), *latents, facts, team or Team(0, 1, CPU), pictures)


def trained(task: DitTask, steps: int) -> list[float]:
    batches = task.batches(1)
    return [task.step(step, next(batches), Stepper()).loss for step in range(1, steps + 1)]


def test_the_loss_falls(latents: tuple[LatentSplit, LatentSplit]) -> None:
    task = task_of(latents, replace(FULL, test_windows=0))
    before = task.evaluate().numbers["loss"]
    trained(task, 60)
    assert task.evaluate().numbers["loss"] < 0.9 * before


def test_planes_weigh_alike_whatever_their_sizes(latents: tuple[LatentSplit, LatentSplit]) -> None:
    """The loss is the mean of the losses of the planes, each a mean over its cells."""
    task = task_of(latents, replace(FULL, balance_planes=True))
    ids = plane_ids(task.train.size)
    squares = torch.rand(*ids.shape)
    of_planes = [squares[ids == plane].mean() for plane in range(1, 7)]
    torch.testing.assert_close(
        (squares * task.weights).sum() / task.weights.sum(), torch.stack(of_planes).mean()
    )
    assert trained(task, 1) != trained(task_of(latents), 1)


def test_parts_one_after_another_take_the_same_steps(latents: tuple[LatentSplit, LatentSplit]) -> None:
    whole = task_of(latents)
    parted = task_of(latents, replace(FULL, fit=replace(FULL.fit, accumulate=4)))
    assert trained(parted, 1) == pytest.approx(trained(whole, 1), rel=1e-6)
    assert_close(gradients(parted), gradients(whole))


def test_held_out_windows_are_scored_once_by_one_of_the_processes(
    latents: tuple[LatentSplit, LatentSplit], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = task_of(latents).evaluate().numbers
    sums: list[Tensor] = []

    def gathered(_: Team, value: Tensor) -> Tensor:
        sums.append(value.clone())
        return value

    monkeypatch.setattr(Team, "sum", gathered)
    members = [task_of(latents, team=Team(rank, 2, CPU)).evaluate() for rank in range(2)]
    both = (sums[0] + sums[1]) / len(latents[1])
    assert both.tolist() == pytest.approx([expected[name] for name in ("loss", "mse", "vlb")], rel=1e-5)
    assert all(isinstance(member, Evaluation) for member in members)


def test_scores_repeat(latents: tuple[LatentSplit, LatentSplit]) -> None:
    assert task_of(latents).evaluate().numbers == task_of(latents).evaluate().numbers


def test_pictures_are_samples_under_conditions_of_held_out_windows(
    latents: tuple[LatentSplit, LatentSplit],
) -> None:
    evaluation = task_of(latents, vae=True).evaluate()
    (picture,) = evaluation.pictures.values()
    assert picture.dtype == torch.uint8
    assert list(evaluation.pictures) == ["samples/00001"]
    assert not task_of(latents, team=Team(0, 1, CPU)).evaluate().pictures
    without = replace(FULL, pictures=0)
    assert not task_of(latents, without, vae=True).evaluate().pictures


def conditions_of(task: DitTask, rows: list[int], dropout: float = 0.0):
    samples = [task._sample(task.train, row) for row in rows]  # pyright: ignore[reportPrivateUsage]
    randoms = [generator(0, "test", row) for row in rows]
    return task._conditions(samples, randoms, dropout)  # pyright: ignore[reportPrivateUsage]


def test_a_window_is_conditioned_by_the_one_before_it_where_there_is_one(
    latents: tuple[LatentSplit, LatentSplit],
) -> None:
    task = task_of(latents)
    conditions = conditions_of(task, [0, 4])
    assert conditions.kept is not None
    assert conditions.kept.tolist() == [[False, True, True, True], [True] * 4]
    assert conditions.hexplane is not None
    before = latents[0][0].rollout.float()[None]
    expected = task.facts.normalization.apply(before, latents[0].size)[0]
    assert torch.equal(conditions.hexplane[1], expected)
    assert conditions.layout is not None
    assert torch.equal(conditions.layout[1], latents[0][4].layout)


def test_unconditional_transformers_are_told_nothing(latents: tuple[LatentSplit, LatentSplit]) -> None:
    conditions = conditions_of(task_of(latents, replace(FULL, model=UNCONDITIONAL)), [0, 4])
    told = (conditions.hexplane, conditions.layout, conditions.trajectory, conditions.command)
    assert all(each is None for each in told)


@pytest.mark.parametrize("name", ["hexplane", "layout", "trajectory", "command"])
def test_each_condition_can_be_had_alone(latents: tuple[LatentSplit, LatentSplit], name: str) -> None:
    model: DitConfig = replace(UNCONDITIONAL, **{name: True})
    task = task_of(latents, replace(FULL, model=model))
    conditions = conditions_of(task, [0, 4])
    assert getattr(conditions, name) is not None
    assert len(trained(task, 1)) == 1


def test_conditions_are_left_out_by_sample_and_not_in_scores(
    latents: tuple[LatentSplit, LatentSplit],
) -> None:
    task = task_of(latents)
    kept = conditions_of(task, [4] * 2, dropout=0.5).kept
    rows = torch.cat([conditions_of(task, [row], 0.5).kept for row in (4, 5, 6, 7)])  # pyright: ignore
    assert kept is not None
    assert torch.equal(kept[0], kept[1])  # the same generators
    assert 0 < int(rows[:, 1:].sum()) < rows[:, 1:].numel()
    assert not conditions_of(task, [4], dropout=1.0).kept.any()  # pyright: ignore[reportOptionalMemberAccess]


def test_numbers_out_of_range_are_told() -> None:
    for wrong in ({"evaluation_epochs": 0.0}, {"pictures": -1}, {"test_windows": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            DitTraining(**wrong)  # pyright: ignore[reportArgumentType]


def test_a_strip_shows_three_frames() -> None:
    scene = Occupancy(torch.zeros(4, *GRID.size, dtype=torch.uint8), CARLASC, GRID)
    scene.classes[2, 3:6, 3:6] = 10
    first, middle, last = strip(scene).chunk(3, 1)
    assert torch.equal(first, last)
    assert not torch.equal(first, middle)
