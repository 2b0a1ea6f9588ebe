"""Runs on driving logs beside published numbers: `python -m evaluation.street_table RUN... [--out FILE]`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from core import cli
from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder
from evaluation.street_pace import pace_numbers, stage_paces
from evaluation.street_scores import COLUMNS, NOTE, SCORES_FILE
from evaluation.tables import markdown_table, write_table

_PUBLISHED = Path(__file__).with_name("published_streets.json")

Views = Literal["novel", "reconstruction"]
"""Frames held out are scored, or all of them that trained."""

_TITLES: Mapping[Views, str] = {"novel": "novel views", "reconstruction": "reconstruction"}

_PACE: Mapping[str, tuple[str, int]] = {
    "static_iterations_per_s": ("static it/s", 2),
    "dynamic_iterations_per_s": ("dynamic it/s", 2),
    "seconds": ("seconds", 0),
    "static_memory_gb": ("static GB", 2),
    "dynamic_memory_gb": ("dynamic GB", 2),
    "memory_gb": ("peak GB", 2),
    "fps": ("FPS", 1),
}

_NOTE = (
    f"{NOTE} Seconds are those of both stages; GB, of 10^9 bytes, are resident memory of the process at its "
    "highest; FPS: views drawn a second, at the size they are scored at."
)


@dataclass(frozen=True)
class StreetTable:
    """Print the scores of runs on driving logs as Markdown, beside published ones."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders."""
    out: Path | None = None
    """File for the table: Markdown, or numbers where its name ends in .json; by default it is printed."""


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
    runs = [read_run(path) for path in command.runs]
    numbers = {
        title: {"runs": {each.name: each.numbers for each in ours}, "mean": _means(ours)}
        for title, ours in _by_protocol(runs)
    }
    write_table(command.out, tables(runs), numbers)


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
        if stored.get("seconds_per_view"):
            numbers["fps"] = 1 / stored["seconds_per_view"]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} holds no scores of a street; `python metrics.py -m {path}` after removing it"
        ) from error
    if outdated:
        raise UserError(
            f"{file} is of iteration {stored['iteration']}, and {last} have been trained since; "
            f"`python metrics.py -m {path}` scores anew"
        )
    return RunScores(path.absolute().name, views, {**numbers, **pace_numbers(stage_paces(path))})


def tables(runs: Sequence[RunScores]) -> str:
    """Tables as Markdown: one a protocol, with published numbers below ours and means over ours."""
    published = read_json(_PUBLISHED)
    columns = {**COLUMNS, **_PACE}
    parts = []
    for title, ours in _by_protocol(runs):
        rows = [(each.name, each.numbers) for each in ours]
        if len(ours) > 1:
            rows.append((f"mean of these {len(ours)}", _means(ours)))
        theirs = [row for row in published["scores"] if row["views"] in (ours[0].views, "not said")]
        rows += [(f"*{row['method']}*", row) for row in theirs]
        parts.append(markdown_table(title, rows, columns))
    ablation = [(f"*{row['method']}*", row) for row in published["ablation"]]
    columns["hours"] = ("hours", 2)
    parts += [_NOTE, published["note"], markdown_table("4DHash's ablation, as published", ablation, columns)]
    return "\n\n".join(parts) + "\n"


def _by_protocol(runs: Sequence[RunScores]) -> list[tuple[str, list[RunScores]]]:
    """The runs of each protocol that there is one of, under its title."""
    grouped = [(title, [run for run in runs if run.views == views]) for views, title in _TITLES.items()]
    return [(title, ours) for title, ours in grouped if ours]


def _means(runs: Sequence[RunScores]) -> dict[str, float]:
    """Of the numbers that every run has, so that the means of a table are about the same runs."""
    keys = [key for key in runs[0].numbers if all(key in each.numbers for each in runs)]
    return {key: sum(each.numbers[key] for each in runs) / len(runs) for key in keys}


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(run, StreetTable, args=args, prog="python -m evaluation.street_table")


if __name__ == "__main__":
    sys.exit(main())
