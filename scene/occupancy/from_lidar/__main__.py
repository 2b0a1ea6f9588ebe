"""The command line `python -m scene.occupancy.from_lidar SOURCE OUTPUT`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from core import cli
from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.building import LidarOccupancy
from scene.occupancy.from_lidar.sources import read_log
from scene.occupancy.from_lidar.writing import scenes_of, write_scenes


@dataclass(frozen=True)
class FromLidar:
    """Make occupancy of a log's labelled lidar and tracked boxes, in the folders of CarlaSC."""

    source: Annotated[Path, tyro.conf.Positional]
    """A log of PandaSet with semseg, a data set of nuScenes with lidarseg, or its key frames in files."""

    output: Annotated[Path, tyro.conf.Positional]
    """Folder in which Cartesian/Train and Cartesian/Test are made."""

    scene: str | None = None
    """Name of the log in a data set that keeps many in one folder (nuScenes), such as scene-0061."""

    test_share: float = 0.25
    """Share of the frames that is held out, 0 to 1; they are the last of the log."""

    lidar: LidarOccupancy = field(default_factory=LidarOccupancy)
    """How lidar becomes voxels."""


def convert(command: FromLidar) -> None:
    """Run the command.

    Raises:
        UserError: the log is broken or incomplete, or the output cannot be written.
    """
    log = read_log(command.source, CARLASC, command.scene)
    write_scenes(scenes_of(log, command.lidar, command.test_share), command.output)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(convert, FromLidar, args=args, prog="python -m scene.occupancy.from_lidar")


if __name__ == "__main__":
    sys.exit(main())
