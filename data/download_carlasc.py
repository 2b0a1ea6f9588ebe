"""`python -m data.download_carlasc`: CarlaSC, drives through simulated towns as voxels with classes.

Its authors keep the files on storage that a browser has to be shown to, so the command says what to fetch
from where; `--check FOLDER` looks afterwards whether all of it is there.

Source: J. Wilson et al., "MotionSC: Data Set and Network for Real-Time Semantic Mapping in Dynamic
    Environments", RA-L 2022; https://umich-curly.github.io/CarlaSC.github.io.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import cli
from core.errors import UserError
from core.number_files import numbers_of_lines
from core.progress import say
from scene.datasets.carlasc import PARAMETERS, SPLITS, read_grid

PAGE = "https://umich-curly.github.io/CarlaSC.github.io"
FRAMES = 1800
SCENES = {"Train": 18, "Val": 3, "Test": 3}
SIZES_GB = {"Train": 80, "Val": 15, "Test": 15}
_TOLD = 8


@dataclass(frozen=True)
class DownloadCarlaSC:
    """Say how CarlaSC is had, or check a download of it."""

    check: Path | None = None
    """The folder that holds Cartesian, or Cartesian itself: look whether it is complete."""
    frames: int = FRAMES
    """How many frames each scene is to have."""


def run(settings: DownloadCarlaSC) -> None:
    """Tell what to fetch, or check what was fetched.

    Raises:
        UserError: the download is not complete; with the first things that are missing.
    """
    if settings.check is None:
        _tell()
        return
    root = settings.check / "Cartesian" if (settings.check / "Cartesian").is_dir() else settings.check
    present = [split for split in SPLITS if (root / split).is_dir()]
    if not present:
        raise UserError(f"{settings.check} holds none of Cartesian/{{{','.join(SPLITS)}}}; see {PAGE}")
    wrong = [problem for split in present for problem in _problems(root / split, settings.frames)]
    for problem in wrong[:_TOLD]:
        say(problem)
    if wrong:
        more = f", and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise UserError(f"{root}: {len(wrong[:_TOLD])} problems told above{more}; fetch those files again")
    for split in present:
        count = len(list((root / split).glob("*/cartesian")))
        say(f"{split}: {count} scenes of {settings.frames} frames ({SCENES[split]} are published)")


def _tell() -> None:
    say(f"CarlaSC is at {PAGE}; fetch the Cartesian files at 128 x 128 x 8, not the fine ones:")
    for split, size in SIZES_GB.items():
        say(f"  {split}: {size} GB, {SCENES[split]} scenes of {FRAMES} frames")
    say("Val may be left out. Most of it is lidar: cartesian/evaluation and cartesian/poses.txt are read.")
    say("Unpack to carlasc/Cartesian/{Train,Test}, then: python -m data.download_carlasc --check carlasc")


def _problems(split: Path, frames: int) -> Iterator[str]:
    scenes = sorted(folder for folder in split.iterdir() if (folder / "cartesian").is_dir())
    if not scenes:
        yield f"{split} holds no scenes such as Town01_Light"
    for scene in scenes:
        yield from _problems_of_scene(scene / "cartesian", frames)


def _problems_of_scene(scene: Path, frames: int) -> Iterator[str]:
    evaluation = scene / "evaluation"
    size = read_grid(evaluation / PARAMETERS).size
    needed = 4 * size[0] * size[1] * size[2]
    for suffix in (".label", ".bin"):
        files = sorted(evaluation.glob(f"*{suffix}"))
        if len(files) != frames:
            yield f"{evaluation} has {len(files)} {suffix} files; {frames} were expected"
        for file in files:
            if file.stat().st_size != needed:
                yield f"{file} has {file.stat().st_size} bytes; {needed} were expected"
    poses = scene / "poses.txt"
    rows = len(numbers_of_lines(poses, columns=12)) if poses.is_file() else 0
    if rows != frames:
        yield f"{poses} has {rows} rows; {frames} were expected"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(run, DownloadCarlaSC, args=args, prog="python -m data.download_carlasc")


if __name__ == "__main__":
    sys.exit(main())
