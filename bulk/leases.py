"""Who works on what, among processes and machines that share nothing but a folder.

A lease is a numbered file. Whoever creates number n + 1 has the lease, and may do so when number n is no
longer alive: given back, without a sign of life for too long, or left by a process of this machine that has
ended. The file system lets one process create a file, so two never have the same lease; as numbers only grow
and no file is removed or renamed, there is no moment between looking and taking in which another could slip
in. A holder that slept too long finds the next number beside its own and knows that it has lost the lease.

Ages are differences between times that the file system itself wrote, so clocks of machines need not agree.
"""

import contextlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from core.files import explain, make_folder

_CLOCK = ".clock"
_GIVEN_BACK = 0  # seconds since 1970: the time of change of a lease that was given back


@dataclass(frozen=True)
class Holder:
    """The process that has a lease.

    Args:
        host: name of the machine.
        pid: number of the process.
        device: where it computes, for people.
        world: where the number has a meaning: this start of this machine, and its space of numbers.
        born: when the process began, in ticks since the machine's start; 0 where it cannot be known.
    """

    host: str
    pid: int
    device: str
    world: str
    born: int

    @classmethod
    def here(cls, device: str = "") -> "Holder":
        """This process."""
        pid = os.getpid()
        return cls(platform.node(), pid, device, _world(), _born(pid))

    @property
    def has_ended(self) -> bool:
        """Whether the process is known to have ended; False where that cannot be told from here."""
        if not self.world or self.world != _world():
            return False
        return _born(self.pid) != self.born


class Lease:
    """A lease that this process has.

    Args:
        folder: of the numbered files.
        number: of ours.
        descriptor: of our file, open.
    """

    def __init__(self, folder: Path, number: int, descriptor: int) -> None:
        self.folder = folder
        self.number = number
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, holder: Holder, stale_seconds: float) -> "Lease | None":
        """The lease, or None where another process has it.

        Args:
            folder: that the lease is about; made where it is missing.
            holder: who takes it.
            stale_seconds: without a sign of life, after which a lease is no longer alive.

        Raises:
            UserError: the folder cannot be written.
        """
        make_folder(folder)
        last = _last(folder)
        if last and _is_alive(folder, last, stale_seconds):
            return None
        path = folder / str(last + 1)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
            os.write(descriptor, json.dumps(asdict(holder)).encode())
        except FileExistsError:
            return None
        except OSError as error:
            raise explain(error, path) from error
        return cls(folder, last + 1, descriptor)

    def beat(self) -> bool:
        """Give a sign of life.

        Returns:
            Whether the lease is still ours.
        """
        with contextlib.suppress(OSError):  # a disk that does not answer now may do so at the next beat
            os.utime(self._descriptor)
        return self.is_ours

    @property
    def is_ours(self) -> bool:
        """Whether nobody has taken it over, as far as the disk tells at this moment."""
        with contextlib.suppress(OSError):  # as of a server that is busy: who asks again may get an answer
            return not (self.folder / str(self.number + 1)).exists()
        return True

    def give_back(self) -> None:
        """Let others have it. Nothing happens the second time."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):  # it will be stale instead
                os.utime(self._descriptor, (_GIVEN_BACK, _GIVEN_BACK))
            os.close(self._descriptor)
            self._descriptor = -1


def holder_of(folder: Path, stale_seconds: float) -> Holder | None:
    """Who has the lease; None where nobody has, or it was taken a moment ago and does not yet say by whom.

    Args:
        folder: that the lease is about; may be missing.
        stale_seconds: without a sign of life, after which a lease is no longer alive.
    """
    last = _last(folder)
    return _read(folder / str(last)) if last and _is_alive(folder, last, stale_seconds) else None


def is_taken(folder: Path, stale_seconds: float) -> bool:
    """Whether somebody has the lease."""
    last = _last(folder)
    return last > 0 and _is_alive(folder, last, stale_seconds)


def _last(folder: Path) -> int:
    """The largest number; 0 where there is none."""
    try:
        return max((int(name) for name in os.listdir(folder) if name.isdigit()), default=0)  # noqa: PTH208
    except FileNotFoundError:
        return 0


def _is_alive(folder: Path, number: int, stale_seconds: float) -> bool:
    path = folder / str(number)
    changed = path.stat().st_mtime
    if changed == _GIVEN_BACK or _now(folder) - changed > stale_seconds:
        return False
    holder = _read(path)
    return holder is None or not holder.has_ended


def _now(folder: Path) -> float:
    """The time, as the file system of a folder writes it."""
    clock = folder / _CLOCK
    try:
        clock.touch()
        return clock.stat().st_mtime
    except OSError as error:
        raise explain(error, clock) from error


def _read(path: Path) -> Holder | None:
    """The holder that a file names; None where it is not written yet."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _world() -> str:
    """A text that two processes share if their numbers are of one kind; empty where that cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _born(pid: int) -> int:
    """When a process began, in ticks since the machine's start; 0 for one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return 0 if fields[0] in "ZX" else int(fields[19])
