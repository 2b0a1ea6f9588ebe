"""`python -m data.download_sintel`: MPI-Sintel's training sequences with ground truth, and labels made of it.

`training` gets the published folders (`final`, `clean`, `depth`, `camdata_left`, `flow`, `occlusions`, ...)
and `dynamic_label_perfect`, which is made from them.

Source: D. J. Butler et al., "A naturalistic open source movie for optical flow evaluation", ECCV 2012. Its
frames are (c) Blender Foundation, durian.blender.org; see http://sintel.is.tue.mpg.de.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core import cli
from data.archives import Archive, fetch_and_unpack
from data.sintel_dynamic_labels import SintelDynamicLabels, make_labels

_SERVER = "http://files.is.tue.mpg.de/"
ARCHIVES = (
    Archive((_SERVER + "sintel/MPI-Sintel-training_images.zip",)),
    Archive((_SERVER + "jwulff/sintel/MPI-Sintel-depth-training-20150305.zip",)),
    Archive((_SERVER + "sintel/MPI-Sintel-training_extras.zip",)),
)


@dataclass(frozen=True)
class DownloadSintel:
    """Fetch MPI-Sintel's training sequences with their ground truth (several GB), and make dynamic labels."""

    to: Path = Path("data/sintel")
    """The folder that gets `training`."""
    threshold_px: float = 0.1
    """A pixel is labelled as dynamic where true flow and ego-motion differ by more than this, in pixels."""
    keep_archives: bool = False
    """Whether the downloaded archives stay there."""


def download(settings: DownloadSintel) -> None:
    """Fetch and unpack what is missing, and make the labels.

    Raises:
        UserError: an archive cannot be had, or does not fit onto the disk.
    """
    for archive in ARCHIVES:
        fetch_and_unpack(archive, settings.to, keep=settings.keep_archives)
    make_labels(SintelDynamicLabels(settings.to / "training", settings.threshold_px))


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(download, DownloadSintel, args=args, prog="python -m data.download_sintel")


if __name__ == "__main__":
    sys.exit(main())
