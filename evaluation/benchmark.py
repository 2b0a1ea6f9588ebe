"""Tables of a data set, ours beside published numbers: `python -m evaluation.benchmark davis RUN...`.

Only the `scores.json` of the named runs are read, and none that is older than what it describes.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from core import cli
from core.errors import UserError
from core.files import read_json, write_text
from core.run_folder import RunFolder
from evaluation import depth_metrics
from evaluation.ground_truth import GroundTruth
from evaluation.sequences import SequenceScores, read_sequence

DataSet = Literal["davis", "sintel", "tum", "own"]

_PUBLISHED = Path(__file__).with_name("published.json")
_MISSING = "-"
_MINUTE = 60

Cells = Sequence[float | None]
"""A column of numbers, a row each."""


@dataclass(frozen=True)
class Benchmark:
    """Print the scores of the sequences of a data set as Markdown, beside published ones."""

    data_set: Annotated[DataSet, tyro.conf.Positional]
    """Whose published numbers stand beside ours; `own` has none."""
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders, each named like its sequence and scored by metrics.py."""
    truth: GroundTruth = GroundTruth()
    """If given, only scores that were made with it are taken."""
    out: Path | None = None
    """File for the table; by default it is printed."""


def run(command: Benchmark) -> None:
    """Run the command.

    Raises:
        UserError: a run has no scores, or they are out of date or made with other ground truth.
    """
    if not command.runs:
        raise UserError("no run was named; `python -m evaluation.benchmark DATA_SET RUN [RUN ...]`")
    truth = None if command.truth.is_empty else command.truth
    text = tables(command.data_set, [read_sequence(RunFolder(path), truth) for path in command.runs])
    if command.out is None:
        sys.stdout.write(text)
    else:
        write_text(command.out, text)


def tables(data_set: DataSet, sequences: Sequence[SequenceScores]) -> str:
    """The tables of a data set as Markdown.

    Args:
        data_set: whose published numbers are shown.
        sequences: our scores.
    """
    published = read_json(_PUBLISHED).get(data_set, {"title": "Own videos", "note": "", "psnr": {}})
    parts = [f"## {published['title']}", _legacy_table(sequences, published["psnr"]), published["note"]]
    parts.append(_left_out(sequences, published["psnr"]))
    parts += [_honest_table(sequences), _HONEST_NOTE, _prediction_table(sequences), _PREDICTION_NOTE]
    parts += _published_means(published)
    return "\n\n".join(part for part in parts if part) + "\n"


_HONEST_NOTE = (
    "Static pixels only. Poses of the held-out frames: `carried` along with those of their neighbours, which "
    "the training moved, no pixel of theirs being looked at; exactly as `predicted`; or `refined` on their "
    "static pixels, the Gaussians frozen. `with what moves`: as carried, and inside the masks of the frames "
    "around what optical flow makes of these: shadows, and things that no annotation names. SSIM and LPIPS "
    "are those of refined poses where there are any. `masks` says where the masks of the held-out frames "
    "come from; numbers by predicted masks are not comparable with others."
)


_PREDICTION_NOTE = (
    "`depths` is the share of the pixels with a true depth that have a predicted one; AbsRel and δ are about "
    "these alone, and their means weigh sequences by them. `min in all` is a whole run, from frames to "
    "videos; `peak GiB` is the most memory that any part of it held."
)


def _legacy_table(sequences: Sequence[SequenceScores], psnr: Mapping[str, Any]) -> str:
    """PSNR by DAS3R's protocol, and the methods that its tables have."""
    columns: dict[str, Cells] = {
        name: [method["sequences"].get(each.sequence) for each in sequences] for name, method in psnr.items()
    }
    columns["flow interpolation"] = [_of(each.flow_interpolation, "legacy_psnr") for each in sequences]
    columns["ours, poses as predicted"] = [_of(each.predicted, "legacy_psnr") for each in sequences]
    columns["ours, poses carried along"] = [_of(each.carried, "legacy_psnr") for each in sequences]
    columns["ours, with what moves"] = [_of(each.composite, "legacy_psnr") for each in sequences]
    whole = {name: method["mean"] for name, method in psnr.items()}
    return _table("PSNR, legacy", sequences, columns, digits=2, whole=whole)


def _left_out(sequences: Sequence[SequenceScores], psnr: Mapping[str, Any]) -> str:
    """A sentence about published sequences that ours are not all of; empty where none is left out."""
    ours = {each.sequence for each in sequences}
    published = dict.fromkeys(name for method in psnr.values() for name in method["sequences"])
    names = [name for name in published if name not in ours]
    return f"Not among these: {', '.join(names)}." if names else ""


def _honest_table(sequences: Sequence[SequenceScores]) -> str:
    best = [each.refined or each.carried for each in sequences]
    columns: dict[str, Cells] = {
        "flow interpolation": [_of(each.flow_interpolation, "psnr") for each in sequences],
        "PSNR predicted": [_of(each.predicted, "psnr") for each in sequences],
        "PSNR carried": [_of(each.carried, "psnr") for each in sequences],
        "PSNR with what moves": [_of(each.composite, "psnr") for each in sequences],
        "PSNR refined": [_of(each.refined, "psnr") for each in sequences],
        "SSIM": [_of(scores, "ssim") for scores in best],
        "LPIPS": [_of(scores, "lpips") for scores in best],
        "static": [_of(scores, "static") for scores in best],
    }
    return _table(
        "static pixels", sequences, columns, digits=3, words={"masks": lambda each: each.masks or _MISSING}
    )


def _prediction_table(sequences: Sequence[SequenceScores]) -> str:
    """Masks, cameras, depth, cost. What is in units that nothing determines is no number here."""
    masks = [each.segmentation for each in sequences]
    paths = [each.trajectory for each in sequences]
    columns: dict[str, Cells] = {
        "J": [_of(each, "region") for each in masks],
        "F": [_of(each, "boundary") for each in masks],
        "J recall": [_of(each, "recall") for each in masks],
        "ATE": [_of(each, "ate") if each is None or each.determined else None for each in paths],
        "ATE / path": [_of(each, "ate_share") if each is None or each.determined else None for each in paths],
        "RPE trans": [_of(each, "rpe_trans") if each is None or each.determined else None for each in paths],
        "RPE rot °": [_of(each, "rpe_rot_deg") for each in paths],
        "AbsRel": [_of(each.depth, "abs_rel") for each in sequences],
        "δ < 1.25": [_of(each.depth, "delta1") for each in sequences],
        "depths": [_of(each.depth, "coverage") for each in sequences],
        "min predicting": [_in(each.cost.prediction_seconds, _MINUTE) for each in sequences],
        "min training": [_in(each.cost.training_seconds, _MINUTE) for each in sequences],
        "min in all": [_in(each.cost.run_seconds, _MINUTE) for each in sequences],
        "peak GiB": [_in(each.cost.peak_memory_bytes, 2**30) for each in sequences],
    }
    words: Mapping[str, Callable[[SequenceScores], str]] = {
        "cameras": lambda each: f"{each.registered}/{each.frames}",
        "assurance": lambda each: each.assurance,
        "Gaussians": lambda each: _MISSING if each.gaussians is None else f"{each.gaussians:,}",
        "size": lambda each: f"{each.size[0]}x{each.size[1]}",
        "iterations": lambda each: f"{each.iteration:,}",
    }
    return _table("prediction", sequences, columns, digits=3, words=words, means=_depth_means(sequences))


def _depth_means(sequences: Sequence[SequenceScores]) -> Mapping[str, float]:
    """Means in which every pixel counts the same, as published tables of depth have them."""
    known = [each.depth for each in sequences if each.depth is not None]
    if len(known) < len(sequences):
        return {}
    mean = depth_metrics.mean(known)
    return {"AbsRel": mean.abs_rel, "δ < 1.25": mean.delta1, "depths": mean.coverage}


def _published_means(published: Mapping[str, Any]) -> list[str]:
    """What is published as a mean over the data set only, as sentences."""
    told = []
    if published.get("mask_iou"):
        each = ", ".join(f"{name} {value:.3f}" for name, value in published["mask_iou"].items())
        told.append(f"Published mean J over the data set: {each}.")
    if published.get("trajectory"):
        each = "; ".join(
            f"{name} {row['ate']:.3f} / {row['rpe_trans']:.3f} / {row['rpe_rot_deg']:.3f}"
            for name, row in published["trajectory"].items()
        )
        told.append(f"Published means of ATE / RPE trans / RPE rot °: {each}.")
    return told


def _table(
    title: str,
    sequences: Sequence[SequenceScores],
    columns: Mapping[str, Cells],
    digits: int,
    words: Mapping[str, Callable[[SequenceScores], str]] | None = None,
    whole: Mapping[str, float] | None = None,
    means: Mapping[str, float] | None = None,
) -> str:
    """A table with a row a sequence, and the means of the columns that are complete.

    Args:
        title: over the first column.
        sequences: the rows.
        columns: numbers.
        digits: behind the point.
        words: columns of text, on the right.
        whole: published means over all sequences of the data set, by column; for a last row.
        means: of columns in which sequences do not count the same.
    """
    words, means = words or {}, means or {}
    columns = {name: cells for name, cells in columns.items() if any(cell is not None for cell in cells)}
    blank = [""] * len(words)
    lines = [
        [title, *columns, *words],
        ["---", *["---:"] * (len(columns) + len(words))],
        *(
            [
                each.sequence,
                *(_cell(cells[row], digits) for cells in columns.values()),
                *(word(each) for word in words.values()),
            ]
            for row, each in enumerate(sequences)
        ),
    ]
    if len(sequences) > 1:
        told = [_cell(means.get(name, _mean(cells)), digits) for name, cells in columns.items()]
        lines.append([f"mean of these {len(sequences)}", *told, *blank])
    if whole and set(whole) & set(columns):
        published = [_cell(whole.get(name), digits) for name in columns]
        lines.append(["published mean of all", *published, *blank])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean(cells: Cells) -> float | None:
    """None unless every sequence has a number, so that means of one table are about the same sequences."""
    known = [cell for cell in cells if cell is not None]
    return sum(known) / len(known) if len(known) == len(cells) else None


def _cell(value: float | None, digits: int) -> str:
    return _MISSING if value is None else f"{value:.{digits}f}"


def _in(value: float | int | None, unit: int) -> float | None:
    return None if value is None else value / unit


def _of(scores: object, name: str) -> float | None:
    return None if scores is None else getattr(scores, name)


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(run, Benchmark, args=args, prog="python -m evaluation.benchmark")


if __name__ == "__main__":
    sys.exit(main())
