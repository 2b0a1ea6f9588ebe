"""`train.py dit` from latents to a weight file; stopped and continued."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from core.scalars import read_lines
from generation.dit.checkpoints import load_dit
from generation.latents import LatentSplit, shard_path
from generation.normalization import Normalization
from generation.vae.checkpoints import load_vae, save_vae
from scene.occupancy.classes import CARLASC
from tests.generation.micro import CONDITIONAL, GRID, seeded_vae
from tests.generation.stored_latents import FACTS, write_latents
from tests.training.occupancy_runs import DIT_TRAINING, assert_goes_on_to_the_same_end, short, state_of
from training import train_dit as subject
from training.dit import DitTask


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vae") / "vae.safetensors"
    save_vae(path, seeded_vae(), CARLASC, GRID, 0.1)
    return path


@pytest.fixture(scope="module")
def latents(vae: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = replace(FACTS, vae=load_vae(vae).fingerprint, vae_path=str(vae))
    return write_latents(tmp_path_factory.mktemp("latents"), facts)


def test_a_run_leaves_weights_that_load_and_say_what_they_are(latents: Path, tmp_path: Path) -> None:
    result = subject.train_dit(latents, tmp_path, DIT_TRAINING)
    assert (result.iterations, result.stopped_by) == (6, None)
    assert result.evaluation is not None
    assert list(result.evaluation.pictures) == ["samples/00001"]
    (path,) = (tmp_path / "network").iterdir()
    assert path.name == "iteration_6.safetensors"
    loaded = load_dit(path)
    assert loaded.model.config == CONDITIONAL  # with the latents' sizes
    split = LatentSplit(latents, "train")
    assert loaded.facts.normalization == Normalization.of(split)
    assert (loaded.facts.vae, loaded.facts.step, loaded.facts.legacy_driving) == (split.facts.vae, 6, False)
    averages = state_of(tmp_path)["average"]
    assert all(torch.equal(value, averages[name]) for name, value in loaded.model.state_dict().items())
    tested = [line["step"] for line in read_lines(tmp_path / "log.jsonl") if "test_loss" in line]
    assert tested == [4, 6]  # every other epoch, and the end


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_stopped_run_goes_on_to_the_same_end(
    latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    fit = replace(DIT_TRAINING.fit, precision=precision)
    config = replace(DIT_TRAINING, fit=fit, pictures=0)
    assert_goes_on_to_the_same_end(
        DitTask, lambda run: subject.train_dit(latents, run, config), tmp_path, monkeypatch
    )


def test_sizes_are_those_of_the_latents(latents: Path) -> None:
    config = replace(DIT_TRAINING, model=replace(CONDITIONAL, latent=(8, 64, 64, 4), channels=16, frames=16))
    assert subject.with_sizes(config, LatentSplit(latents, "train")).model == CONDITIONAL


def test_new_networks_are_functions_of_the_seed() -> None:
    one, same, other = (subject.make_dit(replace(DIT_TRAINING, seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not torch.equal(one["x_embedder.proj.weight"], other["x_embedder.proj.weight"])


def test_latents_without_poses_have_no_commands(tmp_path: Path) -> None:
    write_latents(tmp_path / "latents", poses=False)
    with pytest.raises(UserError, match="has no poses, without which there are no trajectories and commands"):
        subject.train_dit(tmp_path / "latents", tmp_path / "run", DIT_TRAINING)
    assert not (tmp_path / "run").exists()
    model = replace(CONDITIONAL, trajectory=False, command=False)
    subject.train_dit(tmp_path / "latents", tmp_path / "run", replace(short(DIT_TRAINING, 1), model=model))


def test_an_autoencoder_that_is_gone_costs_the_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_latents(tmp_path / "latents")
    result = subject.train_dit(tmp_path / "latents", tmp_path / "run", short(DIT_TRAINING, 1))
    assert result.evaluation is not None
    assert not result.evaluation.pictures
    assert "nowhere.safetensors, which wrote the latents, is not there" in capsys.readouterr().err


def test_another_autoencoder_is_told(latents: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_vae(other, seeded_vae(1), CARLASC, GRID, 0.1)
    with pytest.raises(UserError, match=r"other\.safetensors is not the autoencoder that wrote"):
        subject.train_dit(latents, tmp_path / "run", replace(DIT_TRAINING, vae=other))


def test_a_broken_shard_is_told_before_anything_is_written(tmp_path: Path) -> None:
    write_latents(tmp_path / "latents")
    shard = shard_path(tmp_path / "latents", "train", 1)
    shard.write_bytes(shard.read_bytes()[:-8])
    with pytest.raises(
        UserError, match=r"00001\.safetensors is damaged .* generation\.encode`, which mends it"
    ):
        subject.train_dit(tmp_path / "latents", tmp_path / "run", DIT_TRAINING)
    assert not (tmp_path / "run").exists()


def test_another_configuration_is_another_run(latents: Path, tmp_path: Path) -> None:
    config = replace(short(DIT_TRAINING, 1), pictures=0)
    subject.train_dit(latents, tmp_path, config)
    with pytest.raises(UserError, match=r"normalize is True there and False now"):
        subject.train_dit(latents, tmp_path, replace(config, normalize=False))


def test_latents_that_were_written_anew_are_another_run(vae: Path, latents: Path, tmp_path: Path) -> None:
    config = replace(short(DIT_TRAINING, 1), pictures=0)
    subject.train_dit(latents, tmp_path / "run", config)
    moved = shutil.copytree(latents, tmp_path / "kept")
    facts = read_json(latents / "latents.json")
    try:
        write_json(latents / "latents.json", {**facts, "vae": "another"})
        with pytest.raises(UserError, match=r"latents\.vae is '.*' there and 'another' now"):
            subject.train_dit(latents, tmp_path / "run", config)
    finally:
        shutil.copy(moved / "latents.json", latents / "latents.json")
    write_json(latents / "latents.json", {**facts, "vae_path": "moved.safetensors"})
    assert subject.train_dit(latents, tmp_path / "run", config).iterations == 1
    write_json(latents / "latents.json", facts)


def test_a_split_without_windows_is_told(tmp_path: Path) -> None:
    write_latents(tmp_path / "latents", replace(FACTS, train_windows=0))
    with pytest.raises(UserError, match="has no windows to learn from"):
        subject.train_dit(tmp_path / "latents", tmp_path / "run", DIT_TRAINING)
