"""`dataset_generation.py` with tiny stages: `python -m tests.bulk.tiny_command`."""

import sys
from functools import partial

from bulk.command import DatasetGeneration, generate
from core import cli
from tests.bulk import tiny_stages

if __name__ == "__main__":
    sys.exit(cli.run(partial(generate, tell=print, work=tiny_stages.__name__), DatasetGeneration))
