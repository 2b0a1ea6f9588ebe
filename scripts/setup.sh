#!/usr/bin/env bash
# Makes or updates .venv (or the virtual environment that is active). A second run only compares hashes.
#   bash scripts/setup.sh          what a run needs
#   bash scripts/setup.sh --dev    and what the tests and static checks need
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "error: $1" >&2; exit 2; }

find_python() {
    for python in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then echo "$python" && return; fi
    done
    fail "no Python 3.10 or newer on PATH; install one (Debian, Ubuntu: sudo apt install python3 python3-venv)"
}

# Runs a command unless it has already succeeded for these very files: unless_done NAME PATHS... -- COMMAND...
unless_done() {
    local name="$1" stamp="$venv/.done-$1" paths=() hash; shift
    while [ "$1" != -- ]; do paths+=("$1"); shift; done; shift
    hash=$(find "${paths[@]}" \( -name build -o -name '*.egg-info' -o -name __pycache__ \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 cksum | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ]; then
        echo "set-up: $name"; "$@"; echo "$hash" >"$stamp"
    fi
}

venv="${VIRTUAL_ENV:-$PWD/.venv}"
if [ ! -x "$venv/bin/pip" ]; then
    python=$(find_python)
    "$python" -m venv "$venv" || fail "$python cannot make $venv (Debian, Ubuntu: sudo apt install python3-venv)"
fi
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# torch comes first and by its pin: pulled in by another package it could be another build, gigabytes larger.
unless_done torch requirements.txt -- pip install "$(grep '^torch==' requirements.txt)"
unless_done requirements requirements.txt -- pip install -q -r requirements.txt
if [ "${1:-}" = --dev ]; then unless_done dev requirements-dev.txt -- pip install -q -r requirements-dev.txt; fi
command -v "${CXX:-c++}" >/dev/null || fail "no C++ compiler; sudo apt install g++, or on macOS xcode-select --install"
unless_done splat_kernels submodules/splat_kernels -- pip install -q ./submodules/splat_kernels
