"""What the architecture tests look at: the files of the project, without what is generated or installed."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "core",
    "scene",
    "gaussian_renderer",
    "dynamic_predictor",
    "evaluation",
    "training",
    "configs",
    "data",
)
COMMAND_LINES = ("train.py", "render.py", "metrics.py")
GENERATED = {
    ".git", ".venv", "__pycache__", "output", "outputs", "build", "dist", "captures",
    ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache",
}  # fmt: skip


def files(*suffixes: str, under: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """The project's own files with one of `suffixes`, sorted."""
    for top in under:
        start = ROOT / top
        candidates = [start] if start.is_file() else sorted(start.rglob("*"))
        for path in candidates:
            inside = path.relative_to(ROOT)
            generated = any(part in GENERATED or part.endswith(".egg-info") for part in inside.parts)
            if path.suffix in suffixes and path.is_file() and not generated:
                yield path


def modules(*under: str) -> Iterator[tuple[str, ast.Module]]:
    """Name and syntax tree of every Python file under the given packages and files."""
    for path in files(".py", under=under):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))
