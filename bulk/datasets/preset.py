"""What the presets of data sets have in common: how one is described, and how folders are listed."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulk.jobs import DatasetName, SceneSource
from core.errors import UserError
from core.files import explain

FindScenes = Callable[[Path, Sequence[str], str | None], list[SceneSource]]
"""The scenes below a root, of some subsets or, of none, the usual ones; with another folder of images."""

_LISTED = 6


@dataclass(frozen=True)
class Preset:
    """One kind of data set.

    Args:
        name: as `--dataset` has it.
        find: lists the scenes; nothing of them is opened.
        images: the folder of images that is used unless another is asked for; empty where it differs.
        licence: one sentence for the card of the data set that is made.
        default_subsets: which subsets are meant where none is named; empty where there are none.
        needs_transforms: whether a scene without `transforms.json` is not complete.
        needs_model: whether a scene without a COLMAP model is not complete.
    """

    name: DatasetName
    find: FindScenes
    images: str
    licence: str
    default_subsets: tuple[str, ...] = ()
    needs_transforms: bool = False
    needs_model: bool = True


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; hidden ones, as unfinished work has them, are left out.

    Raises:
        UserError: it cannot be listed.
    """
    return [Path(entry.path) for entry in _entries(folder) if entry.is_dir()]


def files_in(folder: Path) -> list[Path]:
    """The files in a folder, sorted, without hidden ones.

    Raises:
        UserError: it cannot be listed.
    """
    return [Path(entry.path) for entry in _entries(folder) if entry.is_file()]


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise explain(error, folder, "list") from error
    return (entry for entry in found if not entry.name.startswith("."))


def subset_folders(root: Path, subsets: Sequence[str]) -> list[Path]:
    """The folders of subsets that are named, each once.

    Raises:
        UserError: one of them does not exist; the sentence lists those that do.
    """
    for subset in subsets:
        if not (root / subset).is_dir():
            raise UserError(f"--subset {subset}: {root / subset} does not exist; {root} holds {listed(root)}")
    return list(dict.fromkeys(root / subset for subset in subsets))


def listed(folder: Path) -> str:
    """What is in a folder, in a few words."""
    names = [entry.name for entry in _entries(folder)]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more if names else "nothing"
