"""From drives to new scenes as a user goes: train.py vae, encode, train.py dit, sample; alone and by two."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import train
from core.scalars import read_lines
from generation import encode, sample
from scene.occupancy.files import read_facts, read_occupancy
from tests.generation.micro import DIT_FLAGS, VAE_FLAGS, told, write_recordings
from tests.training.teams import run_pair

STEPS = ("--iterations", "3", "--batch-size", "4", "--precision", "float32", "--log-interval", "1")
CONDITIONS = ("--hexplane", "--layout", "--trajectory", "--command")


@dataclass(frozen=True)
class Chain:
    """Folders of a chain of commands."""

    source: Path
    folder: Path

    @property
    def vae(self) -> Path:
        return self.folder / "vae" / "network" / "iteration_3.safetensors"

    @property
    def dit(self) -> Path:
        return self.folder / "dit" / "network" / "iteration_3.safetensors"

    def words(self, vae: Path | None = None) -> dict[str, list[str]]:
        """The command lines; the latents may be those of another chain's autoencoder."""
        run, latents = str(self.folder), str(self.folder / "latents")
        return {
            "vae": [
                "vae",
                "-s",
                str(self.source),
                "-m",
                f"{run}/vae",
                *VAE_FLAGS,
                *STEPS,
                "--ema-decay",
                "0.5",
            ],
            "encode": [
                *("--vae", str(vae or self.vae), "-s", str(self.source), "-o", latents),
                *("--windows-per-shard", "2"),
            ],
            "dit": [
                *("dit", "-s", latents, "-m", f"{run}/dit", *DIT_FLAGS, *STEPS, *CONDITIONS, "--normalize"),
                *("--pictures", "1", "--steps", "2", "--ema-decay", "0.5"),
            ],
            "sample": [
                *("--vae", str(vae or self.vae), "--dit", str(self.dit), "-o", f"{run}/samples", "-n", "2"),
                *("--steps", "2", "--command", "cycle", "--clips", "2", "--legacy"),
            ],
        }


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    source = write_recordings(tmp_path_factory.mktemp("drives ü"))
    chain = Chain(source, tmp_path_factory.mktemp("alone"))
    words = chain.words()
    assert train.main(words["vae"]) == 0
    assert encode.main(words["encode"]) == 0
    assert train.main(words["dit"]) == 0
    assert sample.main(words["sample"]) == 0
    return chain


def test_scenes_come_out_at_the_end(alone: Chain) -> None:
    samples = sorted((alone.folder / "samples").glob("*.npz"))
    assert [path.name for path in samples] == ["00000.npz", "00001.npz"]
    scene = read_occupancy(samples[1])
    assert (len(scene), scene.grid.size) == (8, (16, 16, 8))
    assert read_facts(samples[1])["command"] == "forward"
    raw = np.fromfile(alone.folder / "samples" / "00001" / "7.npy", np.uint8)
    assert np.array_equal(raw, scene.classes[7].numpy().ravel())


def test_pictures_reach_tensorboard(alone: Chain) -> None:
    for run, tag in (("vae", b"test/00000"), ("dit", b"samples/00001")):
        events = b"".join(path.read_bytes() for path in (alone.folder / run / "tensorboard").iterdir())
        assert tag in events, run


def test_a_finished_chain_can_be_repeated(alone: Chain) -> None:
    before = alone.vae.read_bytes(), alone.dit.read_bytes()
    words = alone.words()
    assert train.main(words["vae"]) == train.main(words["dit"]) == encode.main(words["encode"]) == 0
    assert (alone.vae.read_bytes(), alone.dit.read_bytes()) == before


MEMBER = """
import sys
import train
from generation import encode
from pathlib import Path
from tests.smoke.test_generation import Chain
main = {"vae": train.main, "encode": encode.main, "dit": train.main}[sys.argv[1]]
chain = Chain(Path(sys.argv[2]), Path(sys.argv[3]))
sys.exit(main(chain.words(Path(sys.argv[4]))[sys.argv[1]]))
"""


@pytest.mark.slow
def test_two_processes_do_what_one_does(alone: Chain, tmp_path: Path) -> None:
    # Each command in processes of its own, as torchrun has it: a team that forms anew on a port may meet what
    # is left of the last one there.
    for command in ("vae", "encode", "dit"):
        told = run_pair(MEMBER, command, alone.source, tmp_path, alone.vae)
        assert told[0] != ""
        assert told[1] == ""  # only one of them talks
    two = Chain(alone.source, tmp_path)
    for run in ("vae", "dit"):
        one, other = (read_lines(chain.folder / run / "log.jsonl") for chain in (alone, two))
        # A finished run that is repeated adds a score: another test has done that.
        assert [line["step"] for line in one[: len(other)]] == [line["step"] for line in other]
        for mine, theirs in zip(one, other, strict=False):
            # A network that has hardly learned is undecided about many voxels, which shows in its mIoU.
            for name, relative in (("loss", 2e-4), ("test_loss", 2e-4), ("test_miou", 2e-2)):
                if name in mine:
                    expected = pytest.approx(mine[name], rel=relative)
                    assert theirs[name] == expected, (run, name, mine["step"])
    mine, theirs = (
        {
            str(path.relative_to(chain.folder)): path.read_bytes()
            for path in (chain.folder / "latents").rglob("*.safetensors")
        }
        for chain in (alone, two)
    )
    assert mine == theirs


@pytest.mark.parametrize("command", ["train vae", "train dit", "encode", "sample"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *method = command.split()
    main = {"train": train.main, "encode": encode.main, "sample": sample.main}[name]
    with pytest.raises(SystemExit) as stopped:
        main([*method, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "usage" in text
    assert "--precision" in text


@pytest.mark.parametrize("damage", ["frame", "grid", "checkpoint", "latents", "shard", "dit"])
def test_damage_is_one_sentence_and_exit_code_2(
    alone: Chain, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = Chain(write_recordings(tmp_path / "drives"), tmp_path)
    words = chain.words(alone.vae)
    evaluation = chain.source / "Cartesian/Train/Town01_Light/cartesian/evaluation"
    capsys.readouterr()
    if damage == "frame":
        (evaluation / "000000.label").write_bytes(b"")
        code, sentence = train.main(words["vae"]), "000000.label has 0 bytes"
    elif damage == "grid":
        (evaluation / "params.json").unlink()
        code, sentence = train.main(words["vae"]), "--spatial-size 128 128 8"
    elif damage == "checkpoint":
        run = tmp_path / "copy"
        code = train.main([*alone.words()["vae"], "-m", str(run), "--iterations", "1"])
        checkpoint = run / "checkpoints" / "last.pt"
        checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
        code = code or train.main([*alone.words()["vae"], "-m", str(run), "--iterations", "1"])
        sentence = "last.pt is damaged"
    elif damage == "latents":
        code, sentence = train.main(["dit", "-s", str(tmp_path), "-m", str(tmp_path / "run")]), "latents.json"
    elif damage == "shard":
        assert encode.main(words["encode"]) == 0
        (tmp_path / "latents" / "test" / "00001.safetensors").write_bytes(b"\0" * 64)
        code, sentence = train.main(words["dit"]), "test/00001.safetensors is damaged"
    else:
        code = sample.main([*alone.words()["sample"], "--dit", str(alone.vae), "-o", str(tmp_path / "out")])
        sentence = "where the weights of a DiT were expected"
    assert code == 2
    assert sentence in told(capsys)
    assert not list(tmp_path.rglob("*.part*"))
