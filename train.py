#!/usr/bin/env python
"""Train Gaussians: `train.py [METHOD] -s SOURCE -m RUN [...]`. Repeated, it continues a stopped run.

METHOD is static, dynamic, street, predictor, vae or dit; without one the source decides between the first
three.
`train.py METHOD --help` tells the flags.
"""

import sys
from collections.abc import Sequence

from configs import methods
from core import cli


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    words = list(sys.argv[1:] if args is None else args)
    return cli.exit_code(lambda: methods.run(words, prog="train.py"))


if __name__ == "__main__":
    sys.exit(main())
