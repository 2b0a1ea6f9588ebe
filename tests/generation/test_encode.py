"""`python -m generation.encode`: latents of every window, whole again after any interruption."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from generation import encode as subject
from generation.latents import LatentSplit, read_facts, shard_path
from generation.rollout import roll_out
from generation.vae.checkpoints import load_vae, save_vae
from scene.datasets.occupancy import open_occupancy
from scene.occupancy.classes import CARLASC
from scene.occupancy.layouts import layout
from scene.occupancy.windows import Windows
from tests.generation.micro import GRID, VAE, seeded_vae, told, write_recordings


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("drives"))


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vae") / "vae.safetensors"
    save_vae(path, seeded_vae(), CARLASC, GRID, 0.1)
    return path


def encode(vae: Path, source: Path, output: Path, *flags: str) -> int:
    words = ["--vae", str(vae), "-s", str(source), "-o", str(output), "--windows-per-shard", "4", *flags]
    return subject.main(words)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safetensors")}


@pytest.fixture(scope="module")
def encoded(vae: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("latents")
    assert encode(vae, source, folder) == 0
    return folder


def test_latents_are_the_means_of_every_window(vae: Path, source: Path, encoded: Path) -> None:
    network = load_vae(vae).network
    data = open_occupancy(source)
    for split, scenes in (("train", data.train), ("test", data.test)):
        latents = LatentSplit(encoded, split)  # pyright: ignore[reportArgumentType]
        windows = Windows(scenes, VAE.frames)
        assert len(latents) == len(windows)
        for row in range(len(windows)):
            window, latent = windows[row], latents[row]
            with torch.no_grad():
                expected = roll_out(network.encode(window.classes[None]).mean)[0]
            torch.testing.assert_close(latent.rollout.float(), expected, atol=2e-3, rtol=2e-3)
            assert torch.equal(latent.layout, layout(window.classes, CARLASC, 4))
            assert latent.world_from_ego is not None
            assert window.world_from_ego is not None
            assert torch.equal(latent.world_from_ego, window.world_from_ego)
            scene, first = windows.place(row)
            assert (latent.scene, latent.first) == (scene.name, first)


def test_facts_tell_whose_latents_they_are(vae: Path, encoded: Path) -> None:
    facts = read_facts(encoded)
    assert facts.vae == load_vae(vae).fingerprint
    assert (facts.data, facts.classes, facts.grid) == ("carlasc", "carlasc", GRID)
    assert (facts.size, facts.channels, facts.frames) == (VAE.latent_size, 4, 4)
    assert (facts.train_windows, facts.test_windows, facts.shards("train")) == (9, 3, 3)


@pytest.mark.parametrize("damage", ["removed", "truncated"])
def test_repeated_it_writes_only_what_is_broken_with_the_same_bytes(
    vae: Path, source: Path, encoded: Path, damage: str
) -> None:
    before = contents(encoded)
    broken = shard_path(encoded, "train", 1)
    times = {path: path.stat().st_mtime_ns for path in encoded.rglob("*.safetensors") if path != broken}
    if damage == "removed":
        broken.unlink()
    else:
        broken.write_bytes(broken.read_bytes()[:-10])
    assert encode(vae, source, encoded) == 0
    assert contents(encoded) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_it_does_not_matter_how_many_windows_are_encoded_together(
    vae: Path, source: Path, encoded: Path, tmp_path: Path
) -> None:
    """Sums in another order may round to the neighbouring number of half precision."""
    assert encode(vae, source, tmp_path, "--batch-size", "1") == 0
    assert contents(tmp_path).keys() == contents(encoded).keys()
    for name in contents(encoded):
        alone, together = load_file(tmp_path / name), load_file(encoded / name)
        assert alone.keys() == together.keys()
        for key, expected in together.items():
            is_rounded = expected.dtype == torch.float16
            tolerance = {"rtol": 2**-10, "atol": 1e-6} if is_rounded else {"rtol": 0, "atol": 0}
            torch.testing.assert_close(alone[key], expected, **tolerance)


def test_legacy_files_can_be_had_later(vae: Path, source: Path, encoded: Path, tmp_path: Path) -> None:
    assert encode(vae, source, tmp_path) == 0
    assert encode(vae, source, tmp_path, "--save-layout", "2") == 0
    assert len(list((tmp_path / "layout").rglob("*.npz"))) == 12
    assert encode(vae, source, tmp_path, "--save-rollout", "--save-voxel", "2") == 0
    rollouts = sorted((tmp_path / "rollout" / "carlasc" / "vae" / "Train" / "Town01_Light").iterdir())
    assert [path.name for path in rollouts] == [f"{frame:06d}.npz" for frame in range(6)]
    with np.load(rollouts[2]) as archive:
        assert np.array_equal(archive["rollout"][0], LatentSplit(encoded, "train")[2].rollout.numpy())
    assert {path.name for path in (tmp_path / "voxel" / "vae").iterdir()} == {
        "Train-0", "Train-1", "Test-0", "Test-1",
    }  # fmt: skip
    first = np.load(tmp_path / "voxel" / "vae" / "Test-0" / "0_pred.npy")
    assert (first.shape, first.dtype) == (GRID.size, np.uint8)
    assert contents(tmp_path) == contents(encoded)


def test_weights_may_have_moved(vae: Path, source: Path, encoded: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(vae.read_bytes())
    before = contents(encoded)
    assert encode(moved, source, encoded) == 0
    assert contents(encoded) == before


def test_windows_are_as_fast_as_those_that_were_learned(source: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.safetensors"
    save_vae(slow, seeded_vae(), CARLASC, GRID, 0.2)
    longer = write_recordings(tmp_path / "drives", (9,), 7)
    assert encode(slow, longer, tmp_path / "out") == 0
    facts = read_facts(tmp_path / "out")
    assert (facts.skip, facts.seconds_per_frame) == (1, 0.2)
    assert encode(slow, longer, tmp_path / "fast", "--skip", "0") == 0
    assert read_facts(tmp_path / "fast").seconds_per_frame == 0.1


def test_drives_without_poses_have_latents_without(vae: Path, source: Path, tmp_path: Path) -> None:
    data = open_occupancy(source)
    first = replace(data.train[0], world_from_ego=None)  # of two drives, one has poses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "open_occupancy", lambda _: replace(data, train=(first, data.train[1])))
        assert encode(vae, source, tmp_path) == 0
    for split in ("train", "test"):
        assert not LatentSplit(tmp_path, split).has_poses  # pyright: ignore[reportArgumentType]


@pytest.fixture
def wrong(tmp_path: Path, vae: Path, source: Path) -> dict[str, tuple[Path, Path]]:
    """Pairs of weights and drives that do not go together."""
    other = tmp_path / "other.safetensors"
    small = replace(VAE, spatial_size=(8, 8, 8))
    torch.manual_seed(0)
    save_vae(other, type(seeded_vae())(small), CARLASC, GRID, 0.1)
    fast = tmp_path / "fast.safetensors"
    save_vae(fast, seeded_vae(), CARLASC, GRID, 0.04)
    broken = write_recordings(tmp_path / "broken")
    (broken / "Cartesian/Test/Town10_Heavy/cartesian/evaluation/000003.label").write_bytes(b"1234")
    out_of_range = write_recordings(tmp_path / "out of range")
    label = out_of_range / "Cartesian/Train/Town02_Light/cartesian/evaluation/000001.label"
    label.write_bytes(np.full(GRID.size, 23, "<u4").tobytes())
    poses = write_recordings(tmp_path / "poses")
    (poses / "Cartesian/Train/Town01_Light/cartesian/poses.txt").unlink()
    return {
        "grid": (other, source),
        "times": (fast, source),
        "weights": (tmp_path / "none.safetensors", source),
        "frame": (vae, broken),
        "classes": (vae, out_of_range),
        "poses": (vae, poses),
        "source": (vae, tmp_path),
    }


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("grid", "has (16, 16, 8) voxels and the autoencoder takes (8, 8, 8)"),
        ("times", "frames 0.04 s apart and those of this data set are 0.1 s apart; give --skip 0"),
        ("weights", "none.safetensors"),
        ("frame", "000003.label has 4 bytes"),
        ("classes", "000001.label holds class 23"),
        ("poses", "poses.txt"),
        ("source", "holds no occupancy"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    wrong: dict[str, tuple[Path, Path]],
    tmp_path: Path,
    which: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert encode(*wrong[which], tmp_path / "out") == 2
    assert sentence in told(capsys)
    assert not list((tmp_path / "out").rglob("*.part*"))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--down-size", "17"), "--down-size 17: at most 16 was expected"),
        (("--save-layout", "17"), "--save-layout 17: at most 16 was expected"),
        (("--stride", "0"), "stride: at least 1 was expected, got 0"),
        (("--batch-size", "0"), "batch_size: at least 1 was expected, got 0"),
        (("--skip", "-1"), "skip: a number from 0 on was expected, got -1"),
        (("--skip", "9"), "a window takes 31 frames in a row and the longest scene has 9"),
    ],
)
def test_flags_out_of_range_are_told(
    vae: Path,
    source: Path,
    tmp_path: Path,
    flags: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert encode(vae, source, tmp_path / "out", *flags) == 2
    assert sentence in told(capsys)
    assert not (tmp_path / "out").exists()


def test_another_autoencoder_does_not_write_into_the_same_folder(
    source: Path, encoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.safetensors"
    save_vae(other, seeded_vae(1), CARLASC, GRID, 0.1)
    before = contents(encoded)
    assert encode(other, source, encoded) == 2
    assert "holds other latents (vae differ)" in told(capsys)
    assert contents(encoded) == before
