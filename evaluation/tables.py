"""Scores of several runs as one table, of aligned text or of Markdown."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.files import write_json, write_text
from core.run_folder import HeldOut, RunFolder
from core.scalars import read_lines
from evaluation import image_metrics
from evaluation.scoring import HELD_OUT, TOLD, MethodScores

MISSING = "-"
_HEADER = ("run", "iteration", "views", "PSNR", "SSIM", "LPIPS", "Gaussians", "legacy PSNR")


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
    """A line for each iteration of each run, and their means where there are several runs.

    Runs on videos have a line for each way in which held-out views are drawn. The legacy PSNR has its column
    where there is one.
    """
    lines = [line for row in rows for line in _lines(row)]
    means = [line for drawn in HELD_OUT for line in _mean(rows, drawn)]
    header = _HEADER
    if not any(method.mean.legacy_psnr is not None for row in rows for method in row.methods):
        header, lines, means = header[:-1], [line[:-1] for line in lines], [line[:-1] for line in means]
    widths = [max(len(line[column]) for line in (header, *lines, *means)) for column in range(len(header))]
    rule = tuple("-" * width for width in widths)
    told = [header, rule, *lines, *((rule, *means) if means else ())]
    return "\n".join(_aligned(line, widths) for line in told)


def markdown_table(
    title: str, rows: Sequence[tuple[str, Mapping[str, Any]]], columns: Mapping[str, tuple[str, int]]
) -> str:
    """A table as Markdown, without the columns of which no row has a number.

    Args:
        title: at the head of the rows' names.
        rows: names, and numbers by the keys of the columns; others are not shown.
        columns: what a number is called, and how many digits it has behind the point.
    """
    columns = {key: column for key, column in columns.items() if any(key in row for _, row in rows)}
    lines = [
        [title, *(name for name, _ in columns.values())],
        ["---", *["---:"] * len(columns)],
        *(
            [
                name,
                *(
                    f"{row[key]:.{digits}f}" if key in row else MISSING
                    for key, (_, digits) in columns.items()
                ),
            ]
            for name, row in rows
        ),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_table(out: Path | None, text: str, numbers: Mapping[str, Any]) -> None:
    """Write a table: its numbers where the file's name ends in .json, else its text; print it without a file.

    Raises:
        UserError: the file cannot be written.
    """
    if out is None:
        sys.stdout.write(text)
    elif out.suffix == ".json":
        write_json(out, numbers)
    else:
        write_text(out, text)


def count_gaussians(folder: RunFolder) -> int | None:
    """How many Gaussians the run ended with, as its log says; None without a log."""
    counts = [line["gaussians"] for line in read_lines(folder.log) if "gaussians" in line]
    return int(counts[-1]) if counts else None


def _lines(row: Row) -> list[tuple[str, ...]]:
    count = count_gaussians(row.folder)
    gaussians = MISSING if count is None else f"{count:,}"
    name = str(row.folder.path)
    if not row.methods:
        return [(name, MISSING, "0", MISSING, MISSING, MISSING, gaussians, MISSING)]
    lines = []
    for method in row.methods:
        *scores, legacy = _numbers(method.mean)
        iteration = ", ".join(filter(None, (str(method.iteration), _told(method.drawn))))
        count_told = gaussians if method is row.methods[-1] else MISSING
        lines.append((name, iteration, str(len(method.views)), *scores, count_told, legacy))
    return lines


def _told(drawn: HeldOut) -> str:
    """What a line is about; what every run has needs no word."""
    return "" if drawn == "carried" else TOLD[drawn]


def _mean(rows: Sequence[Row], drawn: HeldOut) -> list[tuple[str, ...]]:
    """A line with the means of the last iteration of each run; none unless there are several runs."""
    of_runs = [[method for method in row.methods if method.drawn == drawn] for row in rows]
    last = [methods[-1].mean for methods in of_runs if methods]
    if len(last) < 2:
        return []
    *scores, legacy = _numbers(image_metrics.mean(last))
    return [("mean", _told(drawn), "", *scores, "", legacy)]


def _numbers(scores: image_metrics.Scores) -> tuple[str, str, str, str]:
    lpips = MISSING if scores.lpips is None else f"{scores.lpips:.4f}"
    legacy = MISSING if scores.legacy_psnr is None else f"{scores.legacy_psnr:.3f}"
    return f"{scores.psnr:.3f}", f"{scores.ssim:.4f}", lpips, legacy


def _aligned(cells: tuple[str, ...], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join((cells[0].ljust(widths[0]), *numbers))
