"""What this machine has, what is missing, and the command that fixes it: `python -m core.doctor`.

Needs nothing but the standard library, because it is run when the rest does not.
"""

import argparse
import importlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.environment import cores, installed_version, output_of, processor
from core.memory import available_bytes, readable
from core.weights import BACKBONE_FILES, FETCH_COMMAND, LINEAR_FILES, find_weights

ROOT = Path(__file__).resolve().parent.parent
SETUP = "bash scripts/setup.sh"
OLDEST_PYTHON = (3, 10)
OLDEST_TORCH = "2.6"  # requirements.txt pins the version that is tested; older ones are expected to work
LPIPS_FILES = (LINEAR_FILES["vgg"], BACKBONE_FILES["vgg"])
GIBIBYTE = 2**30
LITTLE_DISK_GIB = 5  # a run of a million Gaussians with checkpoints and renders


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        state: `missing` keeps the core from working; `optional` can be done without.
        text: what there is, or what is missing and what needs it.
        fix: the command that supplies it.
    """

    state: Literal["ok", "optional", "missing"]
    text: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:<9} {self.text}" + (f"\n{'':<9} -> {self.fix}" if self.fix else "")


def main(args: Sequence[str] | None = None) -> int:
    """Print the report.

    Returns:
        0 when training and rendering work on this machine, 1 otherwise.
    """
    argparse.ArgumentParser(prog="python -m core.doctor", description=__doc__).parse_args(args)
    findings = list(examine())
    print("\n".join(map(str, findings)))
    missing = sum(finding.state == "missing" for finding in findings)
    print(
        f"\n{missing} thing(s) missing: run the commands above"
        if missing
        else "\nEverything a run needs is here."
    )
    return 1 if missing else 0


def examine() -> Iterator[Finding]:
    """What the report says, from the interpreter outwards."""
    yield _python()
    yield _torch()
    yield from libraries((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    yield _kernels()
    yield _compiler()
    yield _lpips_weights()
    yield _machine()
    yield _disk(ROOT)


def libraries(requirements: str) -> Iterator[Finding]:
    """A finding for every library but torch that the text of a requirements file asks for."""
    for line in requirements.splitlines():
        match = re.match(r"([\w.-]+)\s*(?:[=>]=\s*([\w.]+))?", line)
        if match is None or match[1] == "torch":
            continue
        name, oldest = match[1], match[2] or "0"
        version = installed_version(name)
        if version is None:
            yield Finding("missing", name, SETUP)
        elif _release(version) < _release(oldest):
            yield Finding("missing", f"{name} {version}, older than {oldest}", SETUP)
        else:
            yield Finding("ok", f"{name} {version}")


def _python() -> Finding:
    text = f"Python {platform.python_version()} ({sys.executable})"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("ok", text)
    return Finding(
        "missing",
        f"{text}: 3.10 or newer is needed",
        "sudo apt install python3 python3-venv, or brew install python",
    )


def _torch() -> Finding:
    version = installed_version("torch")
    if version is None or _release(version) < _release(OLDEST_TORCH):
        return Finding("missing", f"torch {OLDEST_TORCH} or newer (here: {version or 'none'})", SETUP)
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as error:  # OSError: a shared library of torch does not load
        return Finding(
            "missing", f"torch {version} is installed but does not load ({_first_line(error)})", SETUP
        )
    if torch.cuda.is_available():
        return Finding("ok", f"torch {version}, CUDA {torch.version.cuda} on {torch.cuda.get_device_name()}")
    return Finding("ok", f"torch {version}, no CUDA device: runs on the CPU")


def _kernels() -> Finding:
    try:
        splat_kernels = importlib.import_module("splat_kernels")
        return Finding(
            "ok", f"splat_kernels {installed_version('splat_kernels')}, {splat_kernels.level()} kernels"
        )
    except (ImportError, OSError) as error:
        return Finding("missing", f"splat_kernels, the native rasterizer ({_first_line(error)})", SETUP)


def _compiler() -> Finding:
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        fix = "xcode-select --install" if sys.platform == "darwin" else "sudo apt install g++"
        return Finding("optional", "a C++ compiler, to build splat_kernels", fix)
    says = output_of(found, "--version") or "it does not say its version"
    return Finding("ok", f"C++ compiler {found}: {_first_line(says)}")


def _lpips_weights() -> Finding:
    absent = [name for name in LPIPS_FILES if find_weights(name) is None]
    if absent:
        return Finding(
            "optional",
            f"LPIPS weights {' and '.join(absent)}, for the LPIPS column of metrics.py",
            FETCH_COMMAND,
        )
    return Finding("ok", f"LPIPS weights in {find_weights(LPIPS_FILES[0])}")


def _machine() -> Finding:
    available = available_bytes()
    memory = "" if available is None else f", {readable(available)} of memory free"
    return Finding(
        "ok", f"{processor()}, {cores()} core(s){memory}, {platform.system()} {platform.machine()}"
    )


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / GIBIBYTE
    text = f"{free:.1f} GiB free on the disk of {folder}"
    if free < LITTLE_DISK_GIB:
        return Finding(
            "optional", f"{text}: little for long runs", "free some space, or give -m another disk"
        )
    return Finding("ok", text)


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: (2, 13, 0) of `2.13.0+cpu`."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _first_line(text: object) -> str:
    return (str(text).splitlines() or [""])[0]


if __name__ == "__main__":
    sys.exit(main())
