"""`train.py vae` from drives to a weight file; stopped and continued."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.scalars import read_lines
from generation.vae.checkpoints import load_vae, read_score
from scene.datasets.carlasc import CLASS_WEIGHTS
from scene.datasets.occupancy import open_occupancy
from scene.occupancy.classes import CARLASC
from scene.occupancy.frequencies import class_weights, count_classes
from scene.occupancy.scenes import OccupancyData
from scene.occupancy.sequence import Grid
from tests.generation.micro import GRID, VAE, write_recordings
from tests.training.occupancy_runs import VAE_TRAINING, assert_goes_on_to_the_same_end, short, state_of
from training import train_vae as subject
from training.hexplane_vae import VaeTask, WindowConfig


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("drives"))


@pytest.fixture(scope="module")
def data(source: Path) -> OccupancyData:
    return open_occupancy(source)


def test_a_run_leaves_weights_that_load_and_say_what_they_are(source: Path, tmp_path: Path) -> None:
    result = subject.train_vae(source, tmp_path, VAE_TRAINING)
    assert (result.iterations, result.stopped_by) == (6, None)
    assert result.evaluation is not None
    names = [path.name for path in sorted((tmp_path / "network").iterdir())]
    assert names == ["best.safetensors", "iteration_6.safetensors"]
    loaded = load_vae(tmp_path / "network" / "iteration_6.safetensors")
    assert (loaded.network.config, loaded.classes, loaded.grid) == (VAE, CARLASC, GRID)
    assert loaded.seconds_per_frame == 0.1
    averages = state_of(tmp_path)["average"]
    assert all(torch.equal(value, averages[name]) for name, value in loaded.network.state_dict().items())
    lines = read_lines(tmp_path / "log.jsonl")
    tested = [line for line in lines if "test_miou" in line]
    assert [line["step"] for line in tested] == [2, 4, 6]  # every epoch
    best = max(line["test_miou"] for line in tested)
    assert read_score(tmp_path / "network" / "best.safetensors") == pytest.approx(best)


def test_a_stopped_run_goes_on_to_the_same_end(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_goes_on_to_the_same_end(
        VaeTask, lambda run: subject.train_vae(source, run, VAE_TRAINING), tmp_path, monkeypatch
    )
    best = [tmp_path / run / "network" / "best.safetensors" for run in ("whole", "stopped")]
    assert best[0].read_bytes() == best[1].read_bytes()


def test_the_best_weights_are_replaced_by_better_ones_only(source: Path, tmp_path: Path) -> None:
    subject.train_vae(source, tmp_path, short(VAE_TRAINING, 1))
    best = tmp_path / "network" / "best.safetensors"
    loaded = load_vae(best)
    subject.save_vae(best, loaded.network, loaded.classes, loaded.grid, 0.1, score=99.5)
    before = best.read_bytes()
    subject.train_vae(source, tmp_path, short(VAE_TRAINING, 1))  # scores once more
    assert best.read_bytes() == before


def test_float16_trains_with_scaled_losses(source: Path, tmp_path: Path) -> None:
    config = short(VAE_TRAINING, 1)
    config = replace(
        config, fit=replace(config.fit, precision="float16"), windows=WindowConfig(test_windows=1)
    )
    subject.train_vae(source, tmp_path, config)
    assert state_of(tmp_path)["scaler"]["scale"] > 1


def test_another_configuration_is_another_run(source: Path, tmp_path: Path) -> None:
    config = short(VAE_TRAINING, 1)
    subject.train_vae(source, tmp_path, config)
    with pytest.raises(UserError, match=r"seed is 0 there and 1 now"):
        subject.train_vae(source, tmp_path, replace(config, seed=1))


def test_new_networks_are_functions_of_the_seed() -> None:
    one, same, other = (subject.make_vae(replace(VAE_TRAINING, seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not torch.equal(one["encoder.embedding.weight"], other["encoder.embedding.weight"])


def test_windows_that_leave_frames_out_are_slower(source: Path, tmp_path: Path) -> None:
    config = replace(short(VAE_TRAINING, 1), windows=WindowConfig(skip=1, test_windows=1))
    write_recordings(tmp_path / "drives", (9,), 8)
    subject.train_vae(tmp_path / "drives", tmp_path / "run", config)
    assert load_vae(tmp_path / "run" / "network" / "best.safetensors").seconds_per_frame == 0.2


def test_weights_of_classes(data: OccupancyData) -> None:
    none, counted, published = (
        subject.weights_of(replace(VAE_TRAINING, class_weights=name), data)
        for name in ("none", "counted", "published")
    )
    assert torch.equal(none, torch.ones(12))
    expected = class_weights(count_classes(data.train, every=subject.COUNTED_EVERY)).float()
    assert torch.equal(counted, expected)
    assert torch.equal(published, CLASS_WEIGHTS.float())


def test_published_weights_are_of_published_classes(data: OccupancyData) -> None:
    scene = replace(data.train[0], class_set=replace(CARLASC, name="mine"))
    config = replace(VAE_TRAINING, class_weights="published")
    with pytest.raises(
        UserError, match=r"no counts of mine are published; give --class-weights counted or none"
    ):
        subject.weights_of(config, replace(data, train=(scene,)))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"model": replace(VAE, spatial_size=(32, 16, 8))},
            r"scene Town01_Light has .*; give --spatial-size 16 16 8",
        ),
        (
            {"model": replace(VAE, num_classes=11)},
            r"has 12 classes and the network 11; give --num-classes 12",
        ),
        (
            {"model": replace(VAE, num_classes=18)},
            r"has 12 classes and the network 18; give --num-classes 12",
        ),
        (
            {"model": replace(VAE, frames=32)},
            r"a window takes 32 frames in a row and the longest scene has 9",
        ),
        ({"fit": replace(VAE_TRAINING.fit, batch_size=3, accumulate=2)}, r"--batch-size 3 does not divide"),
    ],
)
def test_what_does_not_suit_the_scenes_is_told_before_anything_is_written(
    source: Path, tmp_path: Path, changed: dict, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        subject.train_vae(source, tmp_path / "run", replace(VAE_TRAINING, **changed))
    assert not (tmp_path / "run").exists()


def test_scenes_that_cannot_be_mirrored_are_told(data: OccupancyData) -> None:
    scene = replace(data.train[0], grid=Grid(GRID.size, (0.0, -3.2, -2.0), GRID.voxel_m))
    subject.check_scene(scene, VAE_TRAINING)
    with pytest.raises(UserError, match=r"Town01_Light cannot be mirrored.*--augment 0"):
        subject.check_scene(scene, replace(VAE_TRAINING, windows=WindowConfig(augment=0.5)))


def test_drives_to_score_on_must_be_there(tmp_path: Path) -> None:
    write_recordings(tmp_path / "drives")
    (tmp_path / "drives" / "Cartesian" / "Test").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="has no scenes to score on"):
        subject.train_vae(tmp_path / "drives", tmp_path / "run", VAE_TRAINING)


def test_a_truncated_frame_is_told_by_its_name(tmp_path: Path) -> None:
    source = write_recordings(tmp_path / "drives")
    frame = source / "Cartesian/Train/Town01_Light/cartesian/evaluation/000004.label"
    frame.write_bytes(frame.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"000004\.label has 8188 bytes"):
        subject.train_vae(source, tmp_path / "run", replace(VAE_TRAINING, class_weights="none"))
