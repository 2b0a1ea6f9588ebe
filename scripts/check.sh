#!/usr/bin/env bash
# The static checks: lint, format, types, import layers. All of them run; any that fails makes the script fail.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh --dev
source "${VIRTUAL_ENV:-.venv}/bin/activate"

status=0
check() { echo "== $*"; "$@" || status=1; }
check ruff check .
check ruff format --check .
check basedpyright
check lint-imports
exit "$status"
