"""Every command of ours in docs/from-the-seeds.md and README.md parses, without being run."""

import re
import runpy
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from core import cli
from tests.architecture.source_tree import ROOT

SCRIPTS = ("train.py", "render.py", "metrics.py")
COMMAND = re.compile(r"(?:python (?:train|render|metrics)\.py|python -m (?:core|data)\.\w+) [^`|#\n]+|bash scripts/[^`|#\n]+")


def commands_of(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return sorted({command.strip() for command in COMMAND.findall(text)})


COMMANDS = sorted({*commands_of("docs/from-the-seeds.md"), *commands_of("README.md")})


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the command lines parsed; they are kept from doing anything."""
    commands: list[object] = []

    def parse_only(
        function: Callable[[Any], object], config_type: type, *, args: Sequence[str] | None = None, **options: Any
    ) -> int:
        commands.append(cli.parse(config_type, args=args, **options))
        return 0

    monkeypatch.setattr(cli, "run", parse_only)
    return commands


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("python")])
def test_our_command_parses(command: str, parsed: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    _, *words = shlex.split(command)
    if "core.doctor" in words:
        pytest.skip("has no flags")
    with pytest.raises(SystemExit) as stop:
        if words[0] == "-m":
            monkeypatch.setattr(sys, "argv", [words[1], *words[2:]])
            runpy.run_module(words[1], run_name="__main__", alter_sys=False)
        else:
            monkeypatch.setattr(sys, "argv", words)
            runpy.run_path(str(ROOT / words[0]), run_name="__main__")
    assert not stop.value.code
    assert len(parsed) == 1


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("bash")])
def test_our_script_exists(command: str) -> None:
    assert (ROOT / shlex.split(command)[1]).is_file()


def test_commands_were_found() -> None:
    assert len(commands_of("docs/from-the-seeds.md")) >= 15
    assert {word for command in COMMANDS for word in shlex.split(command)} >= set(SCRIPTS)
