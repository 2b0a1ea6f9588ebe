"""`python -m data.download_mipnerf360`: the nine scenes of Mip-NeRF 360, as published.

    SCENE/{images, images_2, images_4, images_8, sparse/0, poses_bounds.npy}

Flowers and treehill come in an archive of their own.

Source: J. T. Barron et al., "Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields", CVPR 2022;
    https://jonbarron.info/mipnerf360.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core import cli
from core.errors import UserError
from core.progress import say
from data.archives import Archive, fetch_and_unpack

_SERVER = "https://storage.googleapis.com/gresearch/refraw360/"
SCENES = Archive((_SERVER + "360_v2.zip",))
EXTRA_SCENES = Archive((_SERVER + "360_extra_scenes.zip",))
NAMES = ("bicycle", "bonsai", "counter", "flowers", "garden", "kitchen", "room", "stump", "treehill")


@dataclass(frozen=True)
class DownloadMipNerf360:
    """Fetch Mip-NeRF 360 (12 GB, and 4 GB for flowers and treehill)."""

    to: Path = Path("data/mipnerf360")
    """The folder that gets the scenes."""
    extra_scenes: bool = True
    """Whether flowers and treehill are fetched too."""
    keep_archives: bool = False
    """Whether the downloaded archives stay there."""


def download(settings: DownloadMipNerf360) -> None:
    """Fetch and unpack what is missing.

    Raises:
        UserError: an archive cannot be had, does not fit onto the disk, or holds none of the scenes.
    """
    for archive in (SCENES, EXTRA_SCENES) if settings.extra_scenes else (SCENES,):
        fetch_and_unpack(archive, settings.to, keep=settings.keep_archives)
    found = [name for name in NAMES if (settings.to / name / "sparse").is_dir()]
    if not found:
        raise UserError(
            f"{settings.to} has none of the scenes {', '.join(NAMES)}; remove it and fetch it again"
        )
    say(f"{len(found)} scenes are in {settings.to}: {', '.join(found)}")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(download, DownloadMipNerf360, args=args, prog="python -m data.download_mipnerf360")


if __name__ == "__main__":
    sys.exit(main())
