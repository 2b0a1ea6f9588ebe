"""What is told about the environment is what other sources say about it."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core import environment


def test_description_names_command_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py", "-s", "a b", "--eval"])
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", *sys.argv])
    told = environment.describe()
    assert told["command"] == "python train.py -s 'a b' --eval"
    assert told["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert told["numpy"] == np.__version__
    assert told["python"] == platform.python_version()
    assert environment.processor() in told["processor"]
    assert all(isinstance(value, str) and value for value in told.values())


def test_command_of_a_module(tmp_path: Path) -> None:
    package = tmp_path / "some" / "thing"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("from core import environment; print(environment.command())")
    for options in ([], ["-X", "utf8"]):
        told = subprocess.run(
            [sys.executable, *options, "-m", "some.thing", "-m", "a b"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(environment.ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert told == "python -m some.thing -m 'a b'\n"


def test_commit_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.commit() == "unknown"

    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.hooksPath=/dev/null"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "a")
    head = git("rev-parse", "HEAD")[:12]
    assert environment.commit() == head
    (tmp_path / "new").touch()
    assert environment.commit() == head, "files of the user's own are no changes of the code"
    (tmp_path / "a").write_text("2")
    assert environment.commit() == f"{head}, with local changes"


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert environment.commit() == "unknown"
