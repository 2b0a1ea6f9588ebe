"""How much memory a training run will take, before it takes it; and how much it took."""

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # not on Windows
    resource = None

BASE_BYTES = 350 * 2**20
"""A process that has loaded torch and the rest, and done nothing yet."""

PARAMETERS = 59
"""Floats a Gaussian of degree 3: means 3, quats 4, scales 3, opacity 1, colour 48."""

# Measured with splat_kernels at 1 MP: what a step takes beside the tables, for each Gaussian and for each
# pixel.
_WORKING_FLOATS = 210  # projections, their gradients, (tile, Gaussian) pairs
_PIXEL_BYTES = 120  # image, alpha, gradients, the planes of the loss


@dataclass(frozen=True)
class MemoryForecast:
    """Expected peak of a run, in bytes.

    Args:
        gaussians: bytes for parameters, gradients, moments and buffers of all Gaussians.
        images: bytes for the photographs and what is kept about them.
        rest: bytes for one step's images, and the process itself.
    """

    gaussians: int
    images: int
    rest: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.gaussians + self.images + self.rest


def bytes_per_gaussian(sh_coefficients: int = 16) -> int:
    """Memory of a Gaussian in training: parameters, gradients, two moments, and the kernels' buffers."""
    columns = PARAMETERS - 48 + 3 * sh_coefficients
    return 4 * (4 * columns + _WORKING_FLOATS)


def forecast(
    gaussians: int, pixels_per_view: int, views: int, cache_bytes: int, sh_coefficients: int = 16
) -> MemoryForecast:
    """The expected peak.

    Args:
        gaussians: how many at the most.
        pixels_per_view: of the largest view.
        views: training and held-out views.
        cache_bytes: budget of the cache of window moments.
        sh_coefficients: stored a Gaussian and channel.
    """
    pixels = pixels_per_view * views
    return MemoryForecast(
        gaussians=gaussians * bytes_per_gaussian(sh_coefficients),
        images=2 * 3 * pixels + min(cache_bytes, 24 * pixels),
        rest=BASE_BYTES + _PIXEL_BYTES * pixels_per_view,
    )


def available_bytes() -> int | None:
    """Memory that this process can still take, within its container; None if it cannot be known."""
    found: list[int] = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(
            line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines() if ":" in line
        )
        if "MemAvailable" in lines:
            found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    within = _container_bytes(Path("/sys/fs/cgroup"))
    if within is not None:
        found.append(within)
    return min(found) if found else None


def peak_bytes() -> int | None:
    """Resident memory of this process at its highest so far; None if it cannot be known."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if resource is None:
        return None
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


def peak_bytes_of_children() -> int | None:
    """Resident memory of the largest process that this one began and outlived; None if it cannot be known."""
    if resource is None:
        return None
    usage = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


def forget_peak() -> None:
    """Let the peak begin anew at what is resident now, where the system can; elsewhere nothing changes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # 5: the peak alone; see proc(5)


def _container_bytes(group: Path) -> int | None:
    """What a control group has left; pages of files that it can drop at any time count as free."""
    limit, used, details = (group / f"memory.{name}" for name in ("max", "current", "stat"))
    if not (limit.exists() and used.exists()):
        return None
    text = limit.read_text(encoding="ascii").strip()
    if text == "max":
        return None
    lines = details.read_text(encoding="ascii").splitlines() if details.exists() else []
    numbers = dict(line.split(maxsplit=1) for line in lines if " " in line)
    kept = max(0, int(used.read_text(encoding="ascii")) - int(numbers.get("inactive_file", 0)))
    return max(0, int(text) - kept)


def readable(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
