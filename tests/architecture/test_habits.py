"""What no file of the project contains: personal paths, leftovers, devices by name, evaluated text."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source_tree import COMMAND_LINES, PACKAGES, ROOT, files, modules

TEXT_FILES = (
    ".py",
    ".sh",
    ".md",
    ".toml",
    ".txt",
    ".yaml",
    ".cff",
    ".cpp",
    ".h",
    ".cu",
    ".html",
    ".css",
    ".js",
    ".json",
)
PERSONAL_PATHS = re.compile(r"(?<![\w.])/(home|root|Users|work|workspace|mnt|data\d*)/[\w.-]+|[A-Z]:\\Users")
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def lines_with(pattern: re.Pattern[str]) -> Iterator[str]:
    for path in files(*TEXT_FILES):
        if path.name == "test_habits.py":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


@pytest.mark.parametrize("pattern", [PERSONAL_PATHS, LEFTOVERS], ids=["personal paths", "leftovers"])
def test_text_is_free_of(pattern: re.Pattern[str]) -> None:
    assert list(lines_with(pattern)) == []


@pytest.mark.parametrize(
    ("pattern", "caught"),
    [
        (PERSONAL_PATHS, 'open("/home/ann/scene")'),
        (PERSONAL_PATHS, "cd /root/x"),
        (LEFTOVERS, "# TODO: later"),
    ],
)
def test_patterns_catch(pattern: re.Pattern[str], caught: str) -> None:
    assert pattern.search(caught)


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def is_bad(node: ast.AST) -> bool:
    """Devices by name, text run as code, unsafe loading, edits of the import path."""
    if isinstance(node, ast.Call):
        name = called(node)
        loads = name == "torch.load" and not any(keyword.arg == "weights_only" for keyword in node.keywords)
        return name.endswith(".cuda") or name in {"eval", "exec"} or name.startswith("sys.path.") or loads
    if isinstance(node, ast.arguments):
        defaults = [*node.defaults, *node.kw_defaults]
        return any(
            isinstance(value, ast.Constant) and str(value.value).startswith("cuda") for value in defaults
        )
    return False


def test_code_is_free_of_bad_habits() -> None:
    found = [
        f"{name}: {ast.unparse(node)[:100]}"
        for name, tree in modules(*PACKAGES, *COMMAND_LINES, "submodules", "benchmarks")
        for node in ast.walk(tree)
        if is_bad(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "x.cuda()",
        "eval(text)",
        "torch.load(path)",
        "sys.path.append(x)",
        "def f(device='cuda'): ...",
        "def f(*, d='cuda:0'): ...",
    ],
)
def test_bad_habits_are_recognised(code: str) -> None:
    assert any(is_bad(node) for node in ast.walk(ast.parse(code)))
