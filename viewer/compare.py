"""`python -m viewer.compare RUN_A RUN_B`: runs of one capture side by side, as one page."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core import cli
from core.errors import UserError
from core.folders import nearest_existing
from core.memory import readable
from core.progress import say
from viewer.comparison.cards import PictureOptions
from viewer.comparison.page import write_comparison


@dataclass(frozen=True)
class Compare:
    """Compare runs of one capture, view by view, in one HTML page that needs no network.

    Runs of ours that were not rendered are rendered first. Folders that other programs left in the layout of
    Inria's code will do, too: test/ours_N/renders and gt.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders, two or more; all are compared with the first."""
    output: Annotated[Path, cli.flag("-o")] = Path("compare.html")
    """The page."""
    pictures: PictureOptions = PictureOptions()
    """How large, how many."""


def compare(command: Compare) -> None:
    """Write the page and say where it is.

    Raises:
        UserError: the runs cannot be compared, or the page cannot be written.
    """
    options = command.pictures
    if options.longest_side < 2 or not 1 <= options.quality <= 100 or options.most_views < 0:
        raise UserError(
            "--longest-side of 2 or more, --quality from 1 to 100 and --most-views of 0 or more were expected"
        )
    _check_output(command.output)
    write_comparison(command.runs, command.output, options)
    say(f"open {command.output} ({readable(command.output.stat().st_size)}) in a browser")


def _check_output(output: Path) -> None:
    """Find out whether the page can be written, before everything is rendered for it.

    Raises:
        UserError: it cannot.
    """
    if output.name in ("", "..") or output.is_dir():
        raise UserError(f"-o {output} is a folder; the name of a file was expected")
    place = nearest_existing(output.absolute().parent)
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise UserError(f"-o {output}: {place} is no folder that can be written; name another place")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(compare, Compare, args=args, prog="python -m viewer.compare")


if __name__ == "__main__":
    sys.exit(main())
