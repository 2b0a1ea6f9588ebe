"""Instruction levels: which there are, how one is forced, what happens to one that is not there."""

import os
import subprocess
import sys

import pytest
import splat_kernels

from tests.splat_kernels.conftest import LEVELS


def level_of_a_new_process(name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import splat_kernels; print(splat_kernels.level())"]
    environment = os.environ | {"SPLAT_KERNELS_LEVEL": name}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_level_can_be_chosen(level: str) -> None:
    assert splat_kernels.level() == level


def test_the_environment_chooses_the_level() -> None:
    assert level_of_a_new_process("scalar").stdout.strip() == "scalar"


def test_the_portable_level_is_everywhere() -> None:
    before = splat_kernels.level()
    splat_kernels.set_level("scalar")
    splat_kernels.set_level(before)
    assert before in LEVELS


def test_an_unknown_level_is_refused_and_nothing_changes() -> None:
    before = splat_kernels.level()
    with pytest.raises(ValueError, match="'sse9'"):
        splat_kernels.set_level("sse9")
    assert splat_kernels.level() == before


def test_an_unknown_level_in_the_environment_is_an_error_that_names_it() -> None:
    process = level_of_a_new_process("sse9")
    assert process.returncode != 0
    assert "'sse9'" in process.stderr
