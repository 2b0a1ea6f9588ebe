#!/usr/bin/env python
"""Many captures to a data set: `dataset_generation.py --dataset dl3dv --dataset-root R --output-dir O [...]`.

Repeated, it continues; started on several machines that share the folders, they share the work.
"""

import sys
from collections.abc import Sequence

from bulk.command import DatasetGeneration, generate
from core import cli


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code: 0 all done, 3 some failed, 2 a mistake of the user's."""
    return cli.run(
        lambda command: generate(command, tell=print),
        DatasetGeneration,
        args=args,
        prog="dataset_generation.py",
    )


if __name__ == "__main__":
    sys.exit(main())
