"""What a result depends on beside the data: the command, the code's version, the libraries, the machine.

Needs only the standard library.
"""

import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = "environment.json"
"""Where a run folder keeps what `describe` said when the run was trained."""

_LIBRARIES = ("torch", "numpy", "scipy", "splat_kernels")


def describe() -> dict[str, str]:
    """Names and values for people, in the order in which they are read."""
    versions = {name: version for name in _LIBRARIES if (version := installed_version(name)) is not None}
    return {
        "command": command(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "python": platform.python_version(),
        **versions,
        "processor": f"{processor()}, {cores()} core(s)",
        "system": f"{platform.system()} {platform.machine()}",
    }


def command() -> str:
    """The command line of this process, without the folders of the interpreter and the script."""
    before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]  # what `sys.argv` has not: -m MODULE
    program = before[-2:] if before[-2:-1] == ["-m"] else [Path(sys.argv[0]).name]
    return shlex.join(["python", *program, *sys.argv[1:]])


def commit() -> str:
    """The commit that is checked out, with a remark if files differ from it; "unknown" outside a checkout."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    return f"{head}, with local changes" if _git("status", "--porcelain", "--untracked-files=no") else head


def processor() -> str:
    """The processor's name."""
    if sys.platform == "darwin":
        return output_of("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (
        match := re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
    ):
        return match[1]
    return platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def installed_version(name: str) -> str | None:
    """The version of an installed distribution; None where there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*words: str) -> str | None:
    """What git says about this checkout; None where it is none, or there is no git."""
    return output_of("git", "-C", str(ROOT), *words)


def output_of(*command: str) -> str | None:
    """What a command prints; None where it fails or is missing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
