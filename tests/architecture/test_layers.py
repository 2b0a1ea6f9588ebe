"""Imports go down only: the contracts of pyproject.toml, and what the command lines may import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import COMMAND_LINES, PACKAGES, ROOT, modules

# Outside the floors: these may import anything, and nothing imports them.
FREE = {"tests", "benchmarks"}

# A command line parses; the work is below it.
COMMAND_LINES_MAY_IMPORT = {"bulk", "configs", "core", "evaluation", "training", "scene", "gaussian_renderer"}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_contracts() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    report = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert report.returncode == 0, report.stdout + report.stderr


def test_every_package_is_under_contract() -> None:
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")} - FREE
    assert on_disk <= set(PACKAGES)
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.importlinter]")[2]
    assert all(f'"{name}"' in contracts for name in on_disk)


def test_nothing_depends_on_tests_or_benchmarks() -> None:
    dependent = [
        name
        for name, tree in modules(*PACKAGES, *COMMAND_LINES)
        if any(module.partition(".")[0] in FREE for module in imported(tree))
    ]
    assert dependent == []


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_command_lines_import_the_project_and_the_standard_library_only(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    tops = {module.partition(".")[0] for module in imported(tree)}
    assert tops - set(sys.stdlib_module_names) <= COMMAND_LINES_MAY_IMPORT
