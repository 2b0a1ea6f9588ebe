"""Scores of several runs as one table of text."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.run_folder import RunFolder
from core.scalars import read_lines
from evaluation import image_metrics
from evaluation.scoring import MethodScores

MISSING = "-"
_HEADER = ("run", "iteration", "views", "PSNR", "SSIM", "LPIPS", "Gaussians")


@dataclass(frozen=True)
class Row:
    """A run in the table.

    Args:
        folder: of the run.
        methods: its scored iterations; none if no view was held out.
    """

    folder: RunFolder
    methods: Sequence[MethodScores]


def format_table(rows: Sequence[Row]) -> str:
    """A line for each iteration of each run, and their means where there are several runs."""
    lines = [line for row in rows for line in _lines(row)]
    last = [row.methods[-1].mean for row in rows if row.methods]
    if len(last) > 1:
        lines.append(("mean", "", "", *_numbers(image_metrics.mean(last)), ""))
    widths = [max(len(line[column]) for line in (_HEADER, *lines)) for column in range(len(_HEADER))]
    told = [_HEADER, tuple("-" * width for width in widths), *lines]
    if len(last) > 1:
        told.insert(-1, told[1])
    return "\n".join(_aligned(line, widths) for line in told)


def count_gaussians(folder: RunFolder) -> int | None:
    """How many Gaussians the run ended with, as its log says; None without a log."""
    counts = [line["gaussians"] for line in read_lines(folder.log) if "gaussians" in line]
    return int(counts[-1]) if counts else None


def _lines(row: Row) -> list[tuple[str, ...]]:
    count = count_gaussians(row.folder)
    gaussians = MISSING if count is None else f"{count:,}"
    name = str(row.folder.path)
    if not row.methods:
        return [(name, MISSING, "0", MISSING, MISSING, MISSING, gaussians)]
    return [
        (name, str(method.iteration), str(len(method.views)), *_numbers(method.mean),
         gaussians if method is row.methods[-1] else MISSING)
        for method in row.methods
    ]  # fmt: skip


def _numbers(scores: image_metrics.Scores) -> tuple[str, str, str]:
    lpips = MISSING if scores.lpips is None else f"{scores.lpips:.4f}"
    return f"{scores.psnr:.3f}", f"{scores.ssim:.4f}", lpips


def _aligned(cells: tuple[str, ...], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join((cells[0].ljust(widths[0]), *numbers))
