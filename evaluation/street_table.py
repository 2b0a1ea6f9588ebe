"""Runs on driving logs beside published numbers: `python -m evaluation.street_table RUN... [--out FILE]`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from core import cli
from core.errors import UserError
from core.files import read_json, write_text
from core.run_folder import RunFolder

SCORES_FILE = "street_scores.json"
"""What a run on a driving log ends with."""

_PUBLISHED = Path(__file__).with_name("published_streets.json")

Views = Literal["novel", "reconstruction"]
"""Frames held out are scored, or all of them that trained."""

_TITLES: Mapping[Views, str] = {"novel": "novel views", "reconstruction": "reconstruction"}

_COLUMNS: Mapping[str, tuple[str, int]] = {
    "psnr": ("PSNR", 2),
    "psnr_channels": ("PSNR, channels", 2),
    "ssim": ("SSIM", 3),
    "lpips": ("LPIPS", 3),
    "dpsnr": ("DPSNR", 2),
    "dpsnr_pooled": ("DPSNR, pooled", 2),
    "dssim": ("DSSIM", 3),
    "psnr_static": ("static", 2),
    "psnr_sky": ("sky", 2),
    "separation_iou": ("separation IoU", 3),
    "iterations_per_s": ("it/s", 2),
    "seconds": ("seconds", 0),
    "memory_gb": ("peak GB", 2),
}
"""What a number is called at the head of its column, and how many digits it has behind the point."""

_NOTE = (
    "PSNR: all channels together, images clamped to [0, 1]; `channels`: mean over channels of images that "
    "are not clamped, as S3Gaussian has it. DPSNR and DSSIM: of what moves, means over images; `pooled`: "
    "over all of them together. SSIM: Gaussian windows of 11x11. Seconds and it/s are those of both stages."
)


@dataclass(frozen=True)
class StreetTable:
    """Print the scores of runs on driving logs as Markdown, beside published ones."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders."""
    out: Path | None = None
    """File for the table; by default it is printed."""


@dataclass(frozen=True)
class RunScores:
    """What a table has of one run.

    Args:
        name: of its folder.
        views: which protocol its numbers are of.
        numbers: by the keys of the columns.
    """

    name: str
    views: Views
    numbers: Mapping[str, float]


def run(command: StreetTable) -> None:
    """Run the command.

    Raises:
        UserError: a run has no scores, or they are older than what it has trained since.
    """
    if not command.runs:
        raise UserError("no run was named; `python -m evaluation.street_table RUN [RUN ...]`")
    text = tables([read_run(path) for path in command.runs])
    if command.out is None:
        sys.stdout.write(text)
    else:
        write_text(command.out, text)


def read_run(path: Path) -> RunScores:
    """The scores of a run: those of the held-out views, or of all views where none was held out.

    Raises:
        UserError: there are none, they are damaged, or older than what the run has trained since.
    """
    file = path / SCORES_FILE
    if not file.is_file():
        raise UserError(
            f"{file} is missing; `python metrics.py -m {path}` scores a run that has been trained"
        )
    stored = read_json(file)
    stages = [folder for folder in (RunFolder(path), RunFolder(path / "static")) if folder.iterations()]
    try:
        views: Views = "novel" if "test" in stored["summary"] else "reconstruction"
        numbers = dict(stored["summary"]["test" if views == "novel" else "train"])
        last = stages[0].last_iteration() if stages else stored["iteration"]
        outdated = stored["iteration"] != last
        memory = stored.get("peak_memory_bytes")
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} holds no scores of a street; `python metrics.py -m {path}` after removing it"
        ) from error
    if outdated:
        raise UserError(
            f"{file} is of iteration {stored['iteration']}, and {last} have been trained since; "
            f"`python metrics.py -m {path}` scores anew"
        )
    if memory is not None:
        numbers["memory_gb"] = memory / 1e9
    return RunScores(path.absolute().name, views, {**numbers, **_pace(stages)})


def tables(runs: Sequence[RunScores]) -> str:
    """Tables as Markdown: one a protocol, with published numbers below ours and means over ours."""
    published = read_json(_PUBLISHED)
    parts = []
    for views, title in _TITLES.items():
        ours = [each for each in runs if each.views == views]
        if not ours:
            continue
        rows = [(each.name, each.numbers) for each in ours]
        if len(ours) > 1:
            rows.append((f"mean of these {len(ours)}", _means(ours)))
        theirs = [row for row in published["scores"] if row["views"] in (views, "not said")]
        rows += [(f"*{row['method']}*", row) for row in theirs]
        parts.append(_table(title, rows))
    ablation = [(f"*{row['method']}*", row) for row in published["ablation"]]
    parts += [_NOTE, published["note"], _table("4DHash's ablation, as published", ablation, with_hours=True)]
    return "\n\n".join(parts) + "\n"


def _pace(stages: Sequence[RunFolder]) -> dict[str, float]:
    """Seconds and iterations a second of all stages that lie in a run."""
    timings = [read_json(stage.timing) for stage in stages if stage.timing.is_file()]
    seconds = sum(float(timing["training_seconds"]) for timing in timings)
    if not seconds:
        return {}
    return {"seconds": seconds, "iterations_per_s": sum(each["iterations"] for each in timings) / seconds}


def _means(runs: Sequence[RunScores]) -> dict[str, float]:
    """Of the numbers that every run has, so that the means of a table are about the same runs."""
    keys = [key for key in runs[0].numbers if all(key in each.numbers for each in runs)]
    return {key: sum(each.numbers[key] for each in runs) / len(runs) for key in keys}


def _table(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]], *, with_hours: bool = False) -> str:
    columns = {**_COLUMNS, "hours": ("hours", 2)} if with_hours else _COLUMNS
    columns = {key: column for key, column in columns.items() if any(key in row for _, row in rows)}
    lines = [
        [title, *(name for name, _ in columns.values())],
        ["---", *["---:"] * len(columns)],
        *(
            [name, *(f"{row[key]:.{digits}f}" if key in row else "-" for key, (_, digits) in columns.items())]
            for name, row in rows
        ),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(run, StreetTable, args=args, prog="python -m evaluation.street_table")


if __name__ == "__main__":
    sys.exit(main())
