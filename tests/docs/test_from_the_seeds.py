"""Every command of ours in docs/from-the-seeds.md and README.md parses, and every flag exists."""

import re
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import pytest

from configs import methods
from core import cli
from tests.architecture.source_tree import ROOT

SEEDS = ROOT / "docs" / "from-the-seeds.md"


def table_rows() -> Iterator[tuple[str, str]]:
    """(theirs, ours) of every table row."""
    for line in SEEDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and line.count(" | ") == 1:
            theirs, ours = line.strip("| ").split(" | ")
            yield theirs, ours


def commands() -> Iterator[str]:
    for _, ours in table_rows():
        yield from (span for span in re.findall(r"`([^`]+)`", ours) if span.startswith(("python ", "bash ")))
    for block in re.findall(
        r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    ):
        lines = (line.partition("#")[0].strip() for line in block.splitlines())
        yield from (line for line in lines if line.startswith(("python ", "bash ")))


COMMANDS = sorted(set(commands()))

KINDS = {"my_video.mp4": "video", "VIDEO.mp4": "video", "FRAMES": "video"}
"""What stands for a video in a command; anything else stands for a capture."""


def run_main(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What `python WORDS` runs, in this process; every command line ends in `sys.exit`."""
    module = words[0] == "-m"
    start = runpy.run_module if module else runpy.run_path
    monkeypatch.setattr(sys, "argv", list(words[1:] if module else words))
    for name in (words[1], f"{words[1]}.__main__"):  # as another test has left it
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(SystemExit) as stop:
        start(words[1] if module else str(ROOT / words[0]), run_name="__main__")
    assert not stop.value.code


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("python")])
def test_our_command_parses(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)[1:]
    if words == ["-m", "core.doctor"]:
        return  # has no flags
    if words[0] == "-m" and words[1].startswith("data.") and words[1] != "data.synthetic":
        # It fetches or converts, and has no parser of ours to stop at: its help knows every flag.
        with pytest.raises(SystemExit):
            import_module(words[1]).main(["--help"])
        told = capsys.readouterr().out
        assert all(word in told for word in words[2:] if word.startswith("--"))
        return
    parsed: list[object] = []
    parse = cli.parse

    def parse_only(config_type: type, **options: Any) -> object:
        parsed.append(parse(config_type, **options))
        raise SystemExit(0)

    monkeypatch.setattr(cli, "parse", parse_only)
    monkeypatch.setattr(methods, "kind_of_source", lambda source: KINDS.get(str(source), "capture"))
    run_main(words, monkeypatch)
    assert len(parsed) == 1


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("bash")])
def test_our_script_exists(command: str) -> None:
    assert (ROOT / shlex.split(command)[1]).is_file()


def test_every_flag_we_name_exists(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for method in ("static", "dynamic", "street", "vae", "dit"):
        run_main(["train.py", method, "--help"], monkeypatch)
    for module in ("generation.encode", "generation.sample"):
        run_main(["-m", module, "--help"], monkeypatch)
    known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", capsys.readouterr().out))
    named = set()
    for theirs, ours in table_rows():
        spans = re.findall(r"`(-[^`]+)`", theirs if ours.startswith("the same") else ours)
        named |= {word.replace("_", "-") for span in spans for word in span.split() if word.startswith("-")}
    assert len(named) > 30
    assert named - known == set()


def test_every_command_line_is_covered() -> None:
    first_words = {shlex.split(command)[1] for command in COMMANDS}
    assert {"train.py", "render.py", "metrics.py", "scripts/demo.sh"} <= first_words
    assert len(COMMANDS) >= 25
