"""`python -m data.download_pointodyssey`: PointOdyssey, the long synthetic videos that mask heads learn from.

The next step is `python -m data.rearrange_pointodyssey`, which splits the annotations into frames.

Source: Y. Zheng et al., "PointOdyssey: A Large-Scale Synthetic Dataset for Long-Term Point Tracking", ICCV
2023; https://huggingface.co/datasets/aharley/pointodyssey.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core import cli
from core.progress import say
from data.archives import Archive, fetch_and_unpack

Split = Literal["train", "test", "sample"]

_SERVER = "https://huggingface.co/datasets/aharley/pointodyssey/resolve/main/"
ARCHIVES: dict[Split, Archive] = {
    "train": Archive(tuple(f"{_SERVER}train.tar.gz.part{part}" for part in ("aa", "ab", "ac", "ad"))),
    "test": Archive((_SERVER + "test.tar.gz",)),
    "sample": Archive((_SERVER + "sample.tar.gz",)),
}


@dataclass(frozen=True)
class DownloadPointOdyssey:
    """Fetch PointOdyssey (the training split takes hundreds of GB)."""

    to: Path = Path("data/point_odyssey")
    """The folder that gets the splits."""
    splits: tuple[Split, ...] = ("train", "test", "sample")
    """Which splits."""
    keep_archives: bool = False
    """Whether the downloaded archives stay there."""


def download(settings: DownloadPointOdyssey) -> None:
    """Fetch and unpack the splits that are missing.

    Raises:
        UserError: an archive cannot be had, or does not fit onto the disk.
    """
    for split in settings.splits:
        fetch_and_unpack(ARCHIVES[split], settings.to, keep=settings.keep_archives)
    say(f"next: python -m data.rearrange_pointodyssey --root {settings.to}")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(download, DownloadPointOdyssey, args=args, prog="python -m data.download_pointodyssey")


if __name__ == "__main__":
    sys.exit(main())
