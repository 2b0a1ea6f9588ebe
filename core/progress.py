"""What a long job tells the person who waits for it: a bar on stderr, and sentences above it."""

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType

from tqdm import tqdm


def say(sentence: str) -> None:
    """A line on stderr that does not break a progress bar."""
    tqdm.write(sentence, file=sys.stderr)


@contextlib.contextmanager
def quiet_unless(leads: bool) -> Iterator[None]:
    """Within it nothing is told but by one of several processes.

    Args:
        leads: whether this is the one.
    """
    with contextlib.nullcontext() if leads else contextlib.redirect_stderr(io.StringIO()):
        yield


class Progress:
    """A bar with the time that is left and the latest numbers.

    Args:
        total: steps in all.
        done: steps that an earlier process has taken.
        label: what is going on.
    """

    def __init__(self, total: int, done: int = 0, label: str = "training") -> None:
        # Ten lines a second in a terminal; in a log file one line in ten seconds.
        interval = 0.1 if sys.stderr.isatty() else 10.0
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=label,
            unit="it",
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=interval,
            maxinterval=interval,
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self) -> None:
        """One step more."""
        self._bar.update(1)

    def show(self, numbers: Mapping[str, float]) -> None:
        """Put numbers behind the bar when it is next drawn."""
        self._bar.set_postfix({name: _short(value) for name, value in numbers.items()}, refresh=False)

    def restart(self, total: int, done: int) -> None:
        """Another length, or another number of steps taken."""
        self._bar.total = total
        self._bar.n = done
        self._bar.refresh()


def _short(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.4g}"
