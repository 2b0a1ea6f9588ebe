"""`python -m viewer.compare RUN_A RUN_B`: runs of one capture side by side, as one page."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core import cli
from core.errors import UserError
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
    write_comparison(command.runs, command.output, options)
    say(f"open {command.output} ({readable(command.output.stat().st_size)}) in a browser")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(compare, Compare, args=args, prog="python -m viewer.compare")


if __name__ == "__main__":
    sys.exit(main())
