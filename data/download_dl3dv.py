"""`python -m data.download_dl3dv --subset 1K`: scenes of DL3DV-10K with their COLMAP models.

    TO/1K/HASH/{images_4, transforms.json, colmap/sparse/0}

Images and models are published apart, in one archive a scene each; `--resolution 480P` fetches images_8. Who
wants them accepts the terms on the pages of both with an account of Hugging Face, and names a token of it in
the environment variable HF_TOKEN. What is there is not fetched again.

Source: L. Ling et al., "DL3DV-10K: A Large-Scale Scene Dataset for Deep Learning-based 3D Vision", CVPR 2024;
    https://github.com/DL3DV-10K/Dataset.
"""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core import cli
from core.errors import UserError
from core.files import explain, make_folder
from core.progress import say
from data.archives import unpack
from data.downloads import NoSuchFileError, NotLetInError, fetch

Resolution = Literal["480P", "960P", "2K", "4K"]
Subset = Literal["1K", "2K", "3K", "4K", "5K", "6K", "7K", "8K", "9K", "10K", "11K"]

LIST = "https://raw.githubusercontent.com/DL3DV-10K/Dataset/main/cache/DL3DV-valid.csv"
SERVER = "https://huggingface.co/datasets/DL3DV"
TOKEN = "HF_TOKEN"

_MODELS = "DL3DV-ALL-ColmapCache"
_LIST_NAME = "DL3DV-valid.csv"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DownloadDL3DV:
    """Fetch scenes of DL3DV-10K (at 960P about 0.3 GB each)."""

    to: Path = Path("data/dl3dv")
    """The folder that gets the subsets."""
    subset: tuple[Subset, ...] = ("1K",)
    """Which thousands of scenes."""
    scenes: tuple[str, ...] = ()
    """Scenes by their 64 hexadecimal digits; all of the subsets by default."""
    first: int = 0
    """Fetch no more than so many scenes of each subset; 0 = all."""
    resolution: Resolution = "960P"
    """Height of the images: 960P are images_4 of captures in 4K."""


def download(settings: DownloadDL3DV) -> None:
    """Fetch and unpack the scenes that are missing; one that is not on the server does not stop the others.

    Raises:
        UserError: there is no such scene, or an archive cannot be had, is damaged, or does not fit onto the
            disk; or, when all others are there, the server has not all that is listed.
    """
    make_folder(settings.to)
    listed = settings.to / f".{_LIST_NAME}"
    fetch(LIST, listed)
    chosen = choose(read_list(listed), settings)
    missing: list[str] = []
    for number, (subset, scene) in enumerate(chosen, start=1):
        say(f"{subset}/{scene} ({number} of {len(chosen)})")
        for repository in (f"DL3DV-ALL-{settings.resolution}", _MODELS):
            try:
                _fetch_part(repository, settings.to / subset, scene)
            except NoSuchFileError as error:
                say(str(error))
                missing.append(f"{subset}/{scene} in {repository}")
    if missing:
        raise UserError(
            f"{SERVER} lacks {', '.join(missing)}; all else is in {settings.to}: go on without these scenes"
        )
    say(f"{len(chosen)} scenes are in {settings.to}")


def read_list(path: Path) -> list[tuple[str, str]]:
    """Subset and name of every scene, from lines `hash,subset`.

    Raises:
        UserError: the file lists no scene.
    """
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    listed = [
        (next(word for word in row if re.fullmatch(r"\d+K", word)), next(filter(_HASH.fullmatch, row)))
        for row in ([word.strip() for word in row] for row in rows)
        if any(map(_HASH.fullmatch, row)) and any(re.fullmatch(r"\d+K", word) for word in row)
    ]
    if not listed:
        raise UserError(f"{path} lists no scenes (hash,batch); remove it and run the same command again")
    return listed


def choose(listed: Sequence[tuple[str, str]], settings: DownloadDL3DV) -> list[tuple[str, str]]:
    """Subset and name of the scenes that are asked for.

    Raises:
        UserError: a scene that is asked for is not listed.
    """
    if settings.scenes:
        subsets = {scene: subset for subset, scene in listed}
        for scene in settings.scenes:
            if scene not in subsets:
                raise UserError(f"--scenes {scene}: DL3DV lists no such scene; see {LIST}")
        return [(subsets[scene], scene) for scene in settings.scenes]
    chosen = []
    for subset in settings.subset:
        scenes = [(place, scene) for place, scene in listed if place == subset]
        chosen += scenes[: settings.first or None]
    return chosen


def _fetch_part(repository: str, folder: Path, scene: str) -> None:
    """What one repository has of a scene, unless it has been unpacked."""
    done = folder / scene / f".{repository}.unpacked"
    if done.is_file():
        return
    archive = folder / f".{scene}.{repository}.zip"
    try:
        fetch(
            f"{SERVER}/{repository}/resolve/main/{folder.name}/{scene}.zip",
            archive,
            token=os.environ.get(TOKEN),
        )
    except NotLetInError as error:
        raise UserError(
            f"{error}: accept DL3DV's terms at {SERVER}/{repository} with your account, name one of its "
            f"tokens in {TOKEN}, and run the same command again"
        ) from error
    target = make_folder(folder / scene)
    unpack([archive], target)
    try:
        _lift(target)
        done.touch()
        archive.unlink()
    except OSError as error:
        raise explain(error, target) from error


def _lift(scene: Path) -> None:
    """Archives hold HASH/...: what is in HASH/HASH belongs into HASH."""
    nested = scene / scene.name
    if not nested.is_dir():
        return
    for path in [path for path in nested.rglob("*") if path.is_file()]:
        target = scene / path.relative_to(nested)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    shutil.rmtree(nested)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(
        download, DownloadDL3DV, args=args, prog="python -m data.download_dl3dv", description=__doc__
    )


if __name__ == "__main__":
    sys.exit(main())
