"""`dataset_generation.py` with audited stages: `python -m tests.bulk.audited_command`."""

import sys
from functools import partial

from bulk.command import DatasetGeneration, generate
from core import cli
from tests.bulk import audited_stages

if __name__ == "__main__":
    sys.exit(cli.run(partial(generate, tell=print, work=audited_stages.__name__), DatasetGeneration))
