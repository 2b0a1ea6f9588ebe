"""A file has one subject, a function fits a screen, a command line only parses."""

import ast

import pytest

from tests.architecture.source_tree import COMMAND_LINES, PACKAGES, ROOT, files, modules

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60
LINES_OF_A_COMMAND_LINE = 60
LINES_OF_A_SCRIPT = 40

# Files that are longer for a reason.
LONGER: dict[str, str] = {}


def line_count(name: str) -> int:
    return len((ROOT / name).read_text(encoding="utf-8").splitlines())


def test_files() -> None:
    suffixes = (".py", ".cpp", ".h", ".hpp", ".cu", ".cuh")
    long = {str(path.relative_to(ROOT)): line_count(str(path)) for path in files(*suffixes)}
    long = {name: lines for name, lines in long.items() if lines > LINES_OF_A_FILE}
    assert {name: lines for name, lines in long.items() if name not in LONGER} == {}
    assert set(LONGER) <= set(long), "an exception that is no longer needed"


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_functions() -> None:
    long = [
        f"{name}:{node.lineno} {node.name} ({code_lines(node)} lines)"
        for name, tree in modules(*PACKAGES, *COMMAND_LINES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > LINES_OF_A_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_command_lines(name: str) -> None:
    assert line_count(name) < LINES_OF_A_COMMAND_LINE


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT)) for path in files(".sh", under=("scripts",))])
def test_scripts(name: str) -> None:
    assert line_count(name) <= LINES_OF_A_SCRIPT
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert "\nset -euo pipefail\n" in text
