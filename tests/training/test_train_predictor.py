"""`train.py predictor` from videos to a weight file; stopped and continued; by one process and by two."""

import os
import signal
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.run_folder import RunFolder
from core.scalars import read_lines
from core.serialization import load_state
from dynamic_predictor.network.checkpoints import load_network, save_network
from dynamic_predictor.network.model import Network
from scene.motion_pairs import PairRule
from tests.scene.datasets.motions_on_disk import write_sintel
from tests.training.predictions import MICRO, micro_network
from tests.training.teams import run_pair
from training import train_predictor as subject
from training.loop import FitResult, LoopConfig
from training.predictor import PredictorTask, PredictorTraining, TrainingLengthConfig
from training.predictor_batches import PairDataConfig
from training.task import Stepper, StepReport

CONFIG = PredictorTraining(
    network="tiny",
    trained="all",
    amp=False,
    length=TrainingLengthConfig(epochs=1.0, pairs_per_epoch=12, batch_size=2, learning_rate=1e-3),
    data=PairDataConfig(
        resolutions=((64, 48),), test_resolution=(64, 48), test_pairs=2, loaders=1, pairs=PairRule(1, 2, 1)
    ),
    loop=LoopConfig(test_iterations=(), save_iterations=(3,), log_interval=2, checkpoint_seconds=0.0),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    for seed, name in enumerate(("a", "b")):
        write_sintel(root / "training", name, frames=4, seed=seed)
    return root


@pytest.fixture(autouse=True, scope="module")
def _micro() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "TINY", MICRO)
        for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
            patch.delenv(name, raising=False)
        yield


@dataclass(frozen=True)
class Trained:
    """A run that nothing stopped, and what it told."""

    run: Path
    result: FitResult
    told: str


@pytest.fixture(scope="module")
def whole(_micro: None, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    run = tmp_path_factory.mktemp("whole") / "run"
    with redirect_stderr(StringIO()) as told:
        result = subject.train_predictor(source, run, CONFIG)
    return Trained(run, result, told.getvalue())


def test_a_run_leaves_weights_that_load(whole: Trained) -> None:
    result = whole.result
    assert (result.iterations, result.stopped_by) == (6, None)
    assert result.evaluation is not None
    assert "before the training: mask_iou" in whole.told
    assert "after 6 steps: mask_iou" in whole.told
    folder = whole.run / "network"
    assert sorted(path.name for path in folder.iterdir()) == [
        "iteration_3.safetensors",
        "iteration_6.safetensors",
    ]
    network = load_network(folder / "iteration_6.safetensors")
    assert network.config == MICRO
    trained = load_state(RunFolder(whole.run).checkpoint)["task"]["trained"]
    assert all(torch.equal(network.get_parameter(name), value) for name, value in trained.items())
    assert [line["step"] for line in read_lines(whole.run / "log.jsonl")] == [1, 2, 4, 6, 6]


def test_a_stopped_run_goes_on_to_the_same_end(
    source: Path, whole: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = PredictorTask.step

    def stopping(task: PredictorTask, number: int, batch: list, stepper: Stepper) -> StepReport:
        if number == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(task, number, batch, stepper)

    monkeypatch.setattr(PredictorTask, "step", stopping)
    stopped = subject.train_predictor(source, tmp_path / "stopped", CONFIG)
    assert (stopped.iterations, stopped.stopped_by) == (4, signal.SIGTERM)
    monkeypatch.setattr(PredictorTask, "step", step)
    assert subject.train_predictor(source, tmp_path / "stopped", CONFIG).iterations == 6
    expected, resumed = (
        load_state(RunFolder(run).checkpoint)["task"] for run in (whole.run, tmp_path / "stopped")
    )
    for name, value in expected["trained"].items():
        assert torch.equal(value, resumed["trained"][name]), name


def test_another_configuration_is_another_run(source: Path, tmp_path: Path) -> None:
    short = replace(CONFIG, length=replace(CONFIG.length, epochs=0.2))
    subject.train_predictor(source, tmp_path, short)
    with pytest.raises(UserError, match=r"seed is 0 there and 1 now"):
        subject.train_predictor(source, tmp_path, replace(short, seed=1))


def test_a_training_begins_with_given_weights_and_new_mask_heads(tmp_path: Path) -> None:
    trunk = Network(replace(MICRO, dynamic_heads=False))
    save_network(trunk, tmp_path / "trunk.safetensors")
    config = replace(CONFIG, pretrained=tmp_path / "trunk.safetensors")
    one, same, other = (subject.make_network(replace(config, seed=seed)) for seed in (0, 0, 1))
    assert one.config.dynamic_heads
    for name, value in trunk.state_dict().items():
        assert torch.equal(one.state_dict()[name], value), name
    head = "downstream_head_dynamic_mask1.dpt.head.0.weight"
    assert torch.equal(one.state_dict()[head], same.state_dict()[head])
    assert not torch.equal(one.state_dict()[head], other.state_dict()[head])


def test_new_networks_are_functions_of_the_seed() -> None:
    one, same, other = (subject.make_network(replace(CONFIG, seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not torch.equal(one["patch_embed.proj.weight"], other["patch_embed.proj.weight"])


def test_weights_that_are_not_there_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKS_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"python -m data.download_weights monst3r"):
        subject.make_network(replace(CONFIG, network="monst3r"))


def test_weights_are_written_where_the_run_says(tmp_path: Path) -> None:
    subject.save_weights(micro_network(), RunFolder(tmp_path), 7)
    assert (tmp_path / "network" / "iteration_7.safetensors").is_file()


MEMBER = """
import sys
from pathlib import Path
from tests.training import test_train_predictor as here
here.subject.TINY = here.MICRO
here.subject.train_predictor(Path(sys.argv[1]), Path(sys.argv[2]), here.CONFIG)
"""


@pytest.mark.slow
def test_two_processes_take_the_same_steps_as_one(source: Path, whole: Trained, tmp_path: Path) -> None:
    """But for dropout, which each process draws for itself."""
    told = run_pair(MEMBER, source, tmp_path / "two")
    assert "before the training" in told[0]
    assert "before the training" not in told[1]  # only one of them talks
    one, two = (read_lines(run / "log.jsonl") for run in (whole.run, tmp_path / "two"))
    assert [line["step"] for line in one] == [line["step"] for line in two]
    assert two[0]["loss"] == pytest.approx(one[0]["loss"], rel=0.05)  # the dropout differs
    assert two[-1]["test_mask_iou"] == pytest.approx(one[-1]["test_mask_iou"], abs=0.1)
    assert list((tmp_path / "two" / "network").iterdir())
