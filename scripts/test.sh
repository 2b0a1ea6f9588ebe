#!/usr/bin/env bash
# Set-up, static checks, then all tests. Arguments go to pytest: bash scripts/test.sh tests/core -k cli
# With --slow also those that take minutes: bash scripts/test.sh --slow
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/check.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
# A process for each core, of one thread: most tests keep one core busy. A file's tests stay together and in order.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
