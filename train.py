#!/usr/bin/env python
"""Train Gaussians on a capture: `train.py -s SOURCE -m RUN [...]`. Repeated, it continues a stopped run."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from configs.static import PRESETS
from core import cli
from training.static import StaticConfig
from training.train_static import train_static

METHODS = ("static",)


@dataclass(frozen=True)
class TrainStatic:
    """Fit Gaussians to photographs with known cameras.

    `--a-b` and `--a_b` mean the same. The word `static` may stand before the flags.
    """

    source_path: Annotated[Path, cli.flag("-s")]
    """Capture: a COLMAP model, a transforms.json, or a Blender set."""
    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder; output/NAME of the source by default."""
    config: StaticConfig = StaticConfig()
    """The method."""


def train(command: TrainStatic) -> int:
    """Run the command; the exit code says which signal stopped it, if one did."""
    model_path = command.model_path or Path("output") / command.source_path.absolute().name
    result = train_static(command.source_path, model_path, command.config)
    return 0 if result.stopped_by is None else 128 + result.stopped_by


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    words = list(sys.argv[1:] if args is None else args)
    if words and words[0] in METHODS:
        del words[0]
    presets = {name: {"config": preset} for name, preset in PRESETS.items()}
    return cli.run(train, TrainStatic, args=words, presets=presets, prog="train.py")


if __name__ == "__main__":
    sys.exit(main())
