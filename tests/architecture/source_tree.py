"""What the architecture tests look at: the files of the project, without what is generated or installed."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "core",
    "scene",
    "gaussian_renderer",
    "dynamic_predictor",
    "generation",
    "evaluation",
    "training",
    "viewer",
    "bulk",
    "configs",
    "data",
)
COMMAND_LINES = ("train.py", "render.py", "metrics.py", "dataset_generation.py")
GENERATED = {
    ".git", ".venv", "__pycache__", "output", "outputs", "build", "dist", "captures",
    ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache",
}  # fmt: skip


def is_generated(name: str) -> bool:
    return name in GENERATED or name.endswith(".egg-info")


@cache
def tree(start: Path) -> tuple[Path, ...]:
    """All files under a folder, sorted, without those inside what is generated, which may be many."""
    found: list[Path] = []
    for folder, inside, names in os.walk(start):
        inside[:] = [name for name in inside if not is_generated(name)]
        found += [Path(folder, name) for name in names if not is_generated(name)]
    return tuple(sorted(found))


def files(*suffixes: str, under: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """The project's own files with one of `suffixes`, sorted."""
    for top in under:
        start = ROOT / top
        yield from (path for path in ([start] if start.is_file() else tree(start)) if path.suffix in suffixes)


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(*under: str) -> Iterator[tuple[str, ast.Module]]:
    """Name and syntax tree of every Python file under the given packages and files."""
    for path in files(".py", under=under):
        yield str(path.relative_to(ROOT)), syntax(path)
