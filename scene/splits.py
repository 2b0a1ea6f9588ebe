"""Which views train and which are held out to be scored."""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import torch
import tyro

from core.errors import UserError
from core.files import read_json
from core.randomness import generator
from scene.capture import Capture
from scene.datasets import declared_test_images

SplitMode = Literal["contiguous", "uniform"]
HoldOut = Literal["none", "das3r"]

PARTITION_FILE = "partition.json"
"""In a source folder: `{"train": [...], "test": [...]}`, positions in the list of images sorted by name."""

_EVERY = 8
_FIRST, _TENTH = 5, 10  # of DAS3R's held-out views


@dataclass(frozen=True)
class SplitOptions:
    """Which views to hold out. The first of these that applies decides.

    1. `test_images`; 2. a `partition.json` in the source folder; 3. `split`; 4. a test list that the data set
    itself comes with; 5. `hold_out`; 6. `eval`; 7. every view trains.
    """

    test_images: tuple[str, ...] = ()
    """Names of the images to hold out, with or without extension."""

    split: float | None = None
    """Share of the views that train, between 0 and 1; the others are held out."""

    split_mode: SplitMode = "contiguous"
    """How `split` picks the views that train: a run of neighbours at a random place, or evenly spaced."""

    hold_out: HoldOut = "none"
    """das3r holds out the views 5, 15, 25, ..., counted from 0: the protocol of DAS3R's tables."""

    eval: bool = False
    """Hold out every 8th view, beginning with the first; of a video as `hold_out` das3r, as in DAS3R."""

    seed: Annotated[int, tyro.conf.Suppress] = 0
    """Of the random place that `split` starts at; a command line fills in its own seed."""


@dataclass(frozen=True)
class Split:
    """Rows of a capture's views; a row that is in neither list is not used.

    Args:
        train: ascending rows that train, at least one.
        test: ascending rows that are held out; may be empty.
        rule: how they were chosen, for logs and manifests.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    rule: str


def split_views(capture: Capture, options: SplitOptions) -> Split:
    """The views of a capture that train and those that are held out.

    Raises:
        UserError: no view would be left to train, a name or a row does not exist, or `split` is out of range.
    """
    split = _choose(capture, options)
    if not split.train:
        raise UserError(
            f"no view of {capture.name} is left for training: all {len(capture)} are held out ({split.rule})"
        )
    return split


def split_frames(capture: Capture, stride: int) -> Split:
    """The views of every `stride`-th frame are held out, all cameras of it; the first frame's never are.

    Args:
        capture: of a driving log.
        stride: in frames; 0 = none is held out.
    """
    assert capture.drive is not None  # of a driving log
    frames = capture.drive.view_frames - capture.drive.view_frames.min()
    held_out = (
        (frames % stride == 0) & (frames > 0) if stride else torch.zeros(len(capture), dtype=torch.bool)
    )
    rule = f"the views of every {stride}th frame held out" if stride else "every view trains"
    rows = torch.arange(len(capture))
    return Split(tuple(rows[~held_out].tolist()), tuple(rows[held_out].tolist()), rule)


def _choose(capture: Capture, options: SplitOptions) -> Split:
    if options.test_images:
        test = rows_of_names(capture, options.test_images, "--test-images")
        return _hold_out(capture, test, "held out by name")
    partition = None if capture.source is None else capture.source / PARTITION_FILE
    if partition is not None and partition.exists():
        return _read_partition(capture, partition)
    if options.split is not None:
        return _draw(capture, options.split, options.split_mode, options.seed)
    declared = () if capture.source is None else declared_test_images(capture.source)
    test = [row for row, name in enumerate(capture.image_names) if name in set(declared)]
    if test:
        return _hold_out(capture, test, "held out by the data set itself")
    return _hold_out(capture, *_by_rule(len(capture), options))


def _by_rule(count: int, options: SplitOptions) -> tuple[Iterable[int], str]:
    """The rows to hold out by their places alone, and the rule in words."""
    if options.hold_out == "das3r":
        return range(_FIRST, count, _TENTH), "views 5, 15, 25, ... held out"
    if options.eval:
        return range(0, count, _EVERY), f"every {_EVERY}th view held out"
    return (), "every view trains"


def rows_held_out(count: int, options: SplitOptions) -> tuple[int, ...]:
    """The rows that `hold_out` or `eval` hold out of so many views, whatever the views are."""
    return tuple(_by_rule(count, options)[0])


def views_that_train(total: int, share: float) -> int:
    """How many of so many views train where `split` is that share; at least one."""
    return max(1, round(share * total))


def rows_of_names(capture: Capture, names: Iterable[str], where: str) -> list[int]:
    """Rows of the views with the given names.

    Args:
        capture: whose views are meant.
        names: with or without extension, with or without folder.
        where: the flag or file that the names come from, for the message.

    Raises:
        UserError: no view has such a name, or several have.
    """
    rows_of = _spellings(capture.image_names)
    chosen = []
    for name in names:
        rows = rows_of.get(name, [])
        if not rows:
            near = difflib.get_close_matches(name, rows_of, n=3, cutoff=0.3)
            known = f"; near it are {', '.join(near)}" if near else f"; the first is {capture.image_names[0]}"
            raise UserError(f"{where} names {name}, but {capture.name} has no such image{known}")
        if len(rows) > 1:
            several = ", ".join(capture.image_names[row] for row in rows)
            raise UserError(f"{where} names {name}, which could be {several}; give the whole name")
        chosen.append(rows[0])
    return chosen


def _spellings(names: tuple[str, ...]) -> Mapping[str, list[int]]:
    """For each way to write a name, the rows that it may mean; the whole name means one row only."""
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        path = PurePosixPath(name)
        for spelling in {path.name, path.stem, str(path.with_suffix(""))}:
            rows_of.setdefault(spelling, []).append(row)
    rows_of.update({name: [row] for row, name in enumerate(names)})
    return rows_of


def _hold_out(capture: Capture, test: Iterable[int], rule: str) -> Split:
    held_out = set(test)
    train = tuple(row for row in range(len(capture)) if row not in held_out)
    return Split(train, tuple(sorted(held_out)), rule)


def _draw(capture: Capture, share: float, mode: SplitMode, seed: int) -> Split:
    """A share of the views trains: neighbours from a random place on, or evenly spaced at a random phase."""
    if not 0 < share <= 1:
        raise UserError(f"--split {share} was given; a share of the views between 0 and 1 was expected")
    total = len(capture)
    count = views_that_train(total, share)
    random = generator(seed, "split")
    if mode == "contiguous":
        first = int(torch.randint(total - count + 1, (), generator=random))
        train = range(first, first + count)
    else:
        phase = float(torch.rand((), generator=random, dtype=torch.float64))
        train = [min(int((index + phase) * total / count), total - 1) for index in range(count)]
    rest = set(range(total)) - set(train)
    return Split(tuple(train), tuple(sorted(rest)), f"{mode} {count} of {total} views train, seed {seed}")


def _read_partition(capture: Capture, path: Path) -> Split:
    """The split that a partition file states, by rows or by image names.

    Raises:
        UserError: the file is no partition of this capture.
    """
    partition = read_json(path)
    if not isinstance(partition, dict) or not {"train", "test"} <= partition.keys():
        raise UserError(f'{path} was expected to hold {{"train": [...], "test": [...]}}')
    train, test = (_partition_rows(capture, partition[part], part, path) for part in ("train", "test"))
    for row, uses in Counter(train + test).items():
        if uses > 1:
            raise UserError(f"{path} lists view {row} ({capture.image_names[row]}) more than once")
    return Split(tuple(sorted(train)), tuple(sorted(test)), f"from {path.name}")


def _partition_rows(capture: Capture, entries: Any, part: str, path: Path) -> list[int]:
    if not isinstance(entries, list):
        raise UserError(f'"{part}" in {path} is no list')
    if all(isinstance(entry, str) for entry in entries):
        return rows_of_names(capture, entries, str(path))
    for entry in entries:
        if type(entry) is not int or not 0 <= entry < len(capture):
            raise UserError(
                f'"{part}" in {path} lists {entry!r}; positions from 0 to {len(capture) - 1} were expected, '
                f"counted in the images of {capture.name} sorted by name"
            )
    return entries
