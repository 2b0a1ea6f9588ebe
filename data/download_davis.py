"""`python -m data.download_davis`: DAVIS 2017, training and validation sequences at 480p, as published.

    DAVIS/JPEGImages/480p/NAME/00000.jpg    frames
    DAVIS/Annotations/480p/NAME/00000.png   objects as indices of a palette, 0 = background

Source: J. Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation", 2017. Its terms allow
research; see https://davischallenge.org.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core import cli
from core.progress import say
from data.archives import Archive, fetch_and_unpack

ARCHIVE = Archive(("https://data.vision.ee.ethz.ch/csergi/share/davis/DAVIS-2017-trainval-480p.zip",))


@dataclass(frozen=True)
class DownloadDavis:
    """Fetch DAVIS 2017 (480p, 0.8 GB)."""

    to: Path = Path("data/davis")
    """The folder that gets `DAVIS`."""
    keep_archives: bool = False
    """Whether the downloaded archive stays there."""


def download(settings: DownloadDavis) -> None:
    """Fetch and unpack the data set, unless it is there.

    Raises:
        UserError: it cannot be had, or does not fit onto the disk.
    """
    fetch_and_unpack(ARCHIVE, settings.to, keep=settings.keep_archives)
    say(f"frames are in {settings.to / 'DAVIS' / 'JPEGImages' / '480p'}")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(download, DownloadDavis, args=args, prog="python -m data.download_davis")


if __name__ == "__main__":
    sys.exit(main())
