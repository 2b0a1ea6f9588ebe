#!/usr/bin/env bash
# Set-up, static checks, then all tests. Arguments go to pytest: bash scripts/test.sh tests/core -k cli
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/check.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
exec python -m pytest "$@"
