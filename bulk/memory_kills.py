"""Whether the system has ended processes because memory ran out."""

from pathlib import Path

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


def memory_kills(counters: tuple[Path, ...] = _COUNTERS) -> int:
    """How many it has ended so far, in this container and on this machine; 0 where that cannot be known.

    Args:
        counters: files with lines `oom_kill NUMBER`, as Linux has them.
    """
    total = 0
    for path in counters:
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return total
