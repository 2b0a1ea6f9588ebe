"""Imports go down only: the contracts of pyproject.toml, and what the command lines may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import COMMAND_LINES, PACKAGES, ROOT

# A command line parses; the work is below it.
COMMAND_LINES_MAY_IMPORT = {"configs", "core", "evaluation", "training", "scene", "gaussian_renderer"}


def test_contracts() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    report = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert report.returncode == 0, report.stdout + report.stderr


def test_every_package_is_under_contract() -> None:
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert on_disk <= set(PACKAGES)
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.importlinter]")[2]
    assert all(f'"{name}"' in contracts for name in on_disk)


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_command_lines_import_the_project_and_the_standard_library_only(name: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) <= COMMAND_LINES_MAY_IMPORT
