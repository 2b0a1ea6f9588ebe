"""The street method and what each part of it is worth: one run a row on one log, by the command line.

python -m benchmarks.bench_street -s LOG -m RUNS --out benchmarks/results/street.json

Rows that differ in the dynamic stage alone share one static stage. A row that is there already is not run
again, so that a stopped benchmark goes on with the same command. Rows are run one after another.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from benchmarks.measuring import write_result
from core import cli
from core.environment import ROOT
from core.errors import UserError
from core.progress import say
from core.run_folder import RunFolder
from evaluation.street_table import SCORES_FILE, read_run, tables

_NO_PHOTO = ("--pyramid-levels", "0", "--smoothness-weight", "0")
_NO_NORMS = ("--change-l1", "0", "--change-l2", "0", "--feature-l1", "0", "--feature-l2", "0")

OWN_STATIC_STAGE: Mapping[str, Sequence[str]] = {
    "hexplane_plain": ("--encoder-type", "hexplane", *_NO_PHOTO, *_NO_NORMS),
    "without_pyramid": ("--pyramid-levels", "0"),
    "without_smoothness": ("--smoothness-weight", "0"),
    "without_lidar_depth": ("--lidar-weight", "0"),
    "without_sky": ("--no-sky",),
    "without_exposure": ("--no-exposure",),
}
"""What the static stage depends on, too."""

SHARED_STATIC_STAGE: Mapping[str, Sequence[str]] = {
    "full": (),
    "hexplane": ("--encoder-type", "hexplane"),
    "no_field": ("--encoder-type", "none"),
    "hexplane_photo": ("--encoder-type", "hexplane", *_NO_NORMS),
    "hash_photo": _NO_NORMS,
    "without_steadiness": ("--steadiness-weight", "0"),
    "without_rigidity": ("--rigidity-weight", "0"),
    "without_gate_entropy": ("--gate-entropy-weight", "0"),
}
"""Rows of the dynamic stage alone. `hexplane_plain`, `hexplane_photo`, `hash_photo` and `full` are the rows
of 4DHash's own ablation: S3Gaussian's field, pyramid and smoothness, hash grid, l1 and l2."""

PLAIN = "static_3dgs"
"""All pixels count, nothing moves: the points and the iterations of both stages, in one."""


@dataclass(frozen=True)
class BenchStreet:
    """Train the rows of the street method's ablation, and print their scores."""

    source_path: Annotated[Path, cli.flag("-s")]
    """The log."""
    model_path: Annotated[Path, cli.flag("-m")]
    """Folder for the runs."""
    rows: tuple[str, ...] = (PLAIN, *SHARED_STATIC_STAGE, *OWN_STATIC_STAGE)
    """Which ones."""
    stride: int = 5
    """Every so many frames all views are held out."""
    long_side: int = 480
    """Of the images, px."""
    static_iterations: int = 2_000
    """Of the static stage."""
    iterations: int = 3_000
    """Of the dynamic stage."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchStreet) -> None:
    """Train what is missing, print the table and write the figures.

    Raises:
        UserError: a row has no such name, or its run fails.
    """
    known = {**SHARED_STATIC_STAGE, **OWN_STATIC_STAGE, PLAIN: ()}
    for name in command.rows:
        if name not in known:
            raise UserError(f"--rows {name}: one of {', '.join(known)} was expected")
    for name in command.rows:
        _train(name, command)
    runs = [read_run(command.model_path / name) for name in command.rows]
    print(tables(runs))
    write_result(command.out, {"rows": {run.name: dict(run.numbers) for run in runs}})


def _train(name: str, command: BenchStreet) -> None:
    """One row, unless it is done."""
    folder = command.model_path / name
    if (folder / SCORES_FILE).is_file():
        return
    both = str(command.static_iterations + command.iterations)
    if name == PLAIN:
        _run(folder, command, "--stage", "static", "--masks", "none", "--coarse-iterations", both)
    elif name in OWN_STATIC_STAGE:
        _run(folder, command, *_lengths(command), *OWN_STATIC_STAGE[name])
    else:
        shared = RunFolder(command.model_path / "stage_one" / "static")
        if not shared.iterations():
            _run(command.model_path / "stage_one", command, "--stage", "static", *_lengths(command))
        prior = shared.point_cloud(shared.last_iteration()).with_name("street.safetensors")
        stage = ("--stage", "dynamic", "--prior-checkpoint", str(prior))
        _run(folder, command, *stage, *_lengths(command), *SHARED_STATIC_STAGE[name])


def _lengths(command: BenchStreet) -> tuple[str, ...]:
    return "--coarse-iterations", str(command.static_iterations), "--iterations", str(command.iterations)


def _run(folder: Path, command: BenchStreet, *flags: str) -> None:
    """`train.py street` with the flags of a row.

    Raises:
        UserError: it fails.
    """
    common = ("--stride", str(command.stride), "--long-side", str(command.long_side), "--no-videos")
    words = ["street", "-s", str(command.source_path), "-m", str(folder), *common, *flags]
    say(f"{folder.name}: train.py {' '.join(words)}")
    if subprocess.run([sys.executable, str(ROOT / "train.py"), *words], check=False).returncode:
        raise UserError(f"the run of {folder.name} failed; its last words are above")


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchStreet, prog="python -m benchmarks.bench_street"))
