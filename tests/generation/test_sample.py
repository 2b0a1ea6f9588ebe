"""`python -m generation.sample`: scenes that say what they are, from two checkpoints and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch

from generation import sample as subject
from generation.dit.checkpoints import DitFacts, save_dit
from generation.normalization import Normalization
from generation.vae.checkpoints import load_vae, save_vae
from scene.occupancy.classes import CARLASC
from scene.occupancy.files import read_facts, read_legacy, read_occupancy
from tests.generation.micro import CONDITIONAL, GRID, UNCONDITIONAL, seeded_dit, seeded_vae, told


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_vae(folder / "vae.safetensors", seeded_vae(), CARLASC, GRID, 0.2)
    fingerprint = load_vae(folder / "vae.safetensors").fingerprint
    for name, config in (("dit", CONDITIONAL), ("plain", UNCONDITIONAL)):
        facts = DitFacts(fingerprint, 7, Normalization.none(4), legacy_driving=False)
        save_dit(folder / f"{name}.safetensors", seeded_dit(config), facts)
    stranger = DitFacts("0123456789abcdef", 7, Normalization.none(4), legacy_driving=False)
    save_dit(folder / "stranger.safetensors", seeded_dit(), stranger)
    return folder


def sample(weights: Path, output: Path, *flags: str, dit: str = "dit") -> int:
    vae, transformer = weights / "vae.safetensors", weights / f"{dit}.safetensors"
    words = ["--vae", str(vae), "--dit", str(transformer), "-o", str(output), "--steps", "2", *flags]
    return subject.main(words)


def test_scenes_say_what_they_are(weights: Path, tmp_path: Path) -> None:
    assert sample(weights, tmp_path, "-n", "3", "--command", "cycle", "--clips", "2", "--seed", "4") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"0000{k}.npz" for k in range(3)]
    scene = read_occupancy(tmp_path / "00001.npz")
    assert (scene.class_set, scene.grid, len(scene), scene.seconds_per_frame) == (CARLASC, GRID, 8, 0.2)
    facts = read_facts(tmp_path / "00001.npz")
    expected = {
        "seed": 4, "number": 1, "command": "forward", "clips": 2, "sampler": "dpm++", "steps": 2,
        "guidance": 4.0, "vae": "vae.safetensors", "dit": "dit.safetensors",
    }  # fmt: skip
    assert facts == expected


def test_scenes_do_not_depend_on_how_many_are_drawn_and_together(weights: Path, tmp_path: Path) -> None:
    assert sample(weights, tmp_path / "many", "-n", "3") == 0
    assert sample(weights, tmp_path / "few", "-n", "2", "--batch-size", "1") == 0
    assert sample(weights, tmp_path / "other", "-n", "1", "--seed", "1") == 0
    for name in ("00000.npz", "00001.npz"):
        many, few = (read_occupancy(tmp_path / folder / name).classes for folder in ("many", "few"))
        assert (many != few).float().mean() < 1e-3
    assert not torch.equal(many, read_occupancy(tmp_path / "other" / "00000.npz").classes)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++"])
def test_every_sampler_repeats(weights: Path, tmp_path: Path, sampler: str) -> None:
    for folder in ("one", "two"):
        assert sample(weights, tmp_path / folder, "-n", "1", "--sampler", sampler) == 0
    assert (tmp_path / "one/00000.npz").read_bytes() == (tmp_path / "two/00000.npz").read_bytes()


def test_raw_volumes_are_the_same_scenes(weights: Path, tmp_path: Path) -> None:
    assert sample(weights, tmp_path, "-n", "1", "--legacy", "--clips", "2") == 0
    frames = sorted((tmp_path / "00000").iterdir(), key=lambda path: int(path.stem))
    assert [path.name for path in frames] == [f"{frame}.npy" for frame in range(8)]
    scene = read_occupancy(tmp_path / "00000.npz")
    raw = np.fromfile(frames[5], np.uint8).reshape(GRID.size)
    assert np.array_equal(raw, scene.classes[5].numpy())
    assert torch.equal(read_legacy(tmp_path / "00000", CARLASC, GRID).classes, scene.classes)


def test_there_are_as_many_scenes_as_trajectories(weights: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.zeros((3, 4, 3), np.float32))
    assert sample(weights, tmp_path / "out", "-n", "16", "--trajectory", str(tmp_path / "t.npy")) == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_what_was_drawn_can_be_painted_and_gone_on_from(weights: Path, tmp_path: Path) -> None:
    assert sample(weights, tmp_path / "first", "-n", "1") == 0
    scene = str(tmp_path / "first" / "00000.npz")
    for name, flags in (
        ("follows", ("--follows", scene)),
        ("inpaint", ("--inpaint", scene, "--box", "0", "8", "0", "8")),
        ("outpaint", ("--outpaint", scene, "--axis", "y", "--shift", "-4")),
    ):
        assert sample(weights, tmp_path / name, "-n", "1", *flags) == 0
        assert read_facts(tmp_path / name / "00000.npz")[name] == "00000.npz"
    assert read_occupancy(tmp_path / "outpaint" / "00000.npz").grid.size == (16, 20, 8)


@pytest.mark.parametrize(
    ("dit", "flags", "sentence"),
    [
        ("stranger", (), "learned the latents of the autoencoder 0123456789abcdef"),
        ("vae", (), "holds a hexplane-vae, where the weights of a DiT were expected"),
        ("none", (), "none.safetensors"),
        ("plain", ("--command", "left"), "--command needs a transformer that was trained with --command"),
        ("dit", ("--steps", "1001"), "1001"),
        ("dit", ("--steps", "0"), "0"),
        ("dit", ("-n", "0"), "num_samples 0"),
        ("dit", ("--seed", "-1"), "seed -1"),
        ("dit", ("--layout", "nowhere"), "nowhere does not exist"),
        ("dit", ("--trajectory", "nowhere.npy"), "nowhere.npy"),
        ("dit", ("--inpaint", "nowhere.npz"), "one of --box and --mask"),
        ("dit", ("--shift", "4"), "belong to --outpaint"),
        ("dit", ("--eta", "2"), "--eta"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_leaves_nothing(
    weights: Path,
    tmp_path: Path,
    dit: str,
    flags: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sample(weights, tmp_path / "out", *flags, dit=dit) == 2
    assert sentence in told(capsys)
    assert not list((tmp_path / "out").rglob("*.npz"))
