"""Command lines: one sentence and an exit code whatever goes wrong, the same flags however they are spelt."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import cli
from core.errors import UserError


@dataclass(frozen=True)
class Densification:
    strategy: Literal["default", "mcmc"] = "default"
    """How Gaussians are added."""
    max_gaussians: int | None = None
    """Hard cap."""

    def __post_init__(self) -> None:
        if self.max_gaussians is not None and self.max_gaussians < 1:
            raise ValueError("--max-gaussians must be at least 1")


@dataclass(frozen=True)
class Command:
    """Train a scene."""

    source: Annotated[Path, cli.flag("-s", "--source-path")]
    """Where the images are."""
    resolution: Annotated[int, cli.flag("-r")] = -1
    """Divisor."""
    scale_schedule: bool = True
    """Follow the number of iterations."""
    test_images: tuple[str, ...] = ()
    """Names of held-out images."""
    densification: Densification = Densification()


PRESETS = {"crowded": {"densification": Densification("mcmc", 7), "resolution": 4}, "plain": {}}


def parse(*words: str) -> Command:
    return cli.parse(Command, args=words, presets=PRESETS, prog="train.py")


@pytest.mark.parametrize(
    "words",
    [
        ("-s", "a b/ü", "-r", "-1", "--max-gaussians", "5", "--test-images", "0001.jpg", "0002.jpg"),
        ("--source-path", "a b/ü", "--max_gaussians=5", "--test_images", "0001.jpg", "0002.jpg"),
        (
            "--source_path=a b/ü",
            "--resolution=-1",
            "--test-images",
            "0001.jpg",
            "0002.jpg",
            "--max-gaussians",
            "5",
        ),
    ],
)
def test_spellings_agree(words: Sequence[str]) -> None:
    expected = Command(
        Path("a b/ü"), test_images=("0001.jpg", "0002.jpg"), densification=Densification("default", 5)
    )
    assert parse(*words) == expected


@given(st.integers(-(10**9), 10**9), st.booleans(), st.sampled_from(["default", "mcmc"]))
def test_values_round_trip(resolution: int, scale: bool, strategy: Literal["default", "mcmc"]) -> None:
    switch = "--scale-schedule" if scale else "--no_scale_schedule"
    command = parse("-s", "x", "-r", str(resolution), switch, "--strategy", strategy)
    assert command == Command(
        Path("x"), resolution=resolution, scale_schedule=scale, densification=Densification(strategy)
    )


def test_preset_applies_before_flags_wherever_it_stands() -> None:
    assert parse("--preset", "crowded", "-s", "x") == Command(
        Path("x"), 4, densification=Densification("mcmc", 7)
    )
    for words in (("-r", "8", "--preset=crowded"), ("--preset", "crowded", "-r", "8")):
        assert parse("-s", "x", *words).resolution == 8
    assert parse("-s", "x", "--preset", "crowded", "--preset", "plain") == Command(Path("x"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "-s PATH"),
        (("-s", "x", "--nope"), "--nope"),
        (("-s", "x", "--test-image", "y"), "perhaps you meant: --test-images"),
        (("-s", "x", "-r", "four"), "'four'"),
        (("-s", "x", "-r"), "--resolution"),
        (("-s", "x", "--strategy", "grow"), "'mcmc'"),
        (("-s", "x", "extra"), "extra"),
        (("-s", "x", "--max-gaussians", "0"), "--max-gaussians must be at least 1"),
        (("-s", "x", "--preset", "unknown"), "crowded, plain"),
        (("-s", "x", "--preset"), "crowded, plain"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])  # tyro draws its boxes in either
def test_mistake_is_one_sentence_and_code_2(
    words: Sequence[str],
    told: str,
    encoding: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    code = cli.run(lambda _: pytest.fail("ran"), Command, args=words, presets=PRESETS, prog="train.py")
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert not set("│╭╮╰╯─") & set(captured.err)
    assert "---" not in captured.err


def test_help_names_flags_and_presets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse("--help", "--preset", "crowded")
    assert not stop.value.code
    text = capsys.readouterr().out
    assert "Train a scene." in text
    assert "crowded, plain" in text
    assert "--max-gaussians" in text
    assert "--densification" not in text
    assert "default: 7" in text  # the preset's values are what --help shows


def test_unknown_field_in_a_preset_is_a_defect() -> None:
    with pytest.raises(ValueError, match="sede"):
        cli.parse(Command, args=["-s", "x", "--preset", "bad"], presets={"bad": {"sede": 1}})


def outcome(error: BaseException | None) -> int:
    def function(_: Command) -> None:
        if error is not None:
            raise error

    return cli.run(function, Command, args=["-s", "x"])


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(None) == 0
    assert outcome(UserError("no images in x:\nput some there")) == 2
    assert capsys.readouterr().err == "error: no images in x: put some there\n"
    assert outcome(OSError(errno.ENOSPC, "No space left on device", "run/point_cloud.ply")) == 2
    assert capsys.readouterr().err.startswith("error: cannot write run/point_cloud.ply: the disk is full")
    assert outcome(KeyboardInterrupt()) == 130
    assert cli.run(lambda _: 3, Command, args=["-s", "x"]) == 3


@pytest.mark.parametrize("defect", [ValueError("ours"), OSError(errno.EINVAL, "ours")])
def test_defects_keep_their_traceback(defect: Exception) -> None:
    with pytest.raises(type(defect), match="ours"):
        outcome(defect)


@pytest.mark.skipif(os.name != "posix", reason="pipes break otherwise elsewhere")
def test_reader_that_goes_away_leaves_no_traceback() -> None:
    program = (
        "import sys\n"
        "from dataclasses import dataclass\n"
        "from core import cli\n"
        "@dataclass(frozen=True)\n"
        "class Command:\n"
        "    lines: int = 100000\n"
        "sys.exit(cli.run(lambda c: [print('x' * 80) for _ in range(c.lines)] and None, Command))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == cli.EXIT_BROKEN_PIPE
