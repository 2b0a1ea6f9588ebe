"""Images and what belongs to them, decoded in the background and kept as bytes."""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, overload

from PIL import Image

from core.images import read_image

ItemT = TypeVar("ItemT")
FieldT = TypeVar("FieldT")

_MOST_THREADS = 8


class ImageHeader(NamedTuple):
    """What an image file says about itself before its pixels are decoded.

    Args:
        width: in pixels as stored, whatever EXIF says about the orientation.
        height: likewise.
        has_alpha: whether pixels carry an opacity.
    """

    width: int
    height: int
    has_alpha: bool


def read_header(path: Path) -> ImageHeader:
    """Size of an image, from the first bytes of its file.

    Raises:
        UserError: the file is missing, is no image, or is a Git-LFS pointer.
    """
    try:
        with Image.open(path) as image:
            has_alpha = "A" in image.getbands() or "transparency" in image.info
            return ImageHeader(image.width, image.height, has_alpha)
    except (OSError, SyntaxError):
        # Either the decoder knows the format, or it raises and says what is the matter with the file.
        height, width = read_image(path).shape[:2]
        return ImageHeader(width, height, has_alpha=False)


class Prefetched(Sequence[ItemT], Generic[ItemT]):
    """Items made by functions: threads make them in order from the start, and all of them are kept.

    An item that is asked for before its turn is made at once by whoever asks, so that nobody waits for the
    items before it. An error is raised where its item is asked for. Threads stop early when the sequence is
    dropped or the program ends.
    """

    def __init__(self, makers: Sequence[Callable[[], ItemT]], threads: int) -> None:
        """Start the threads.

        Args:
            makers: one function an item, safe to call from any thread.
            threads: how many work in the background; with 0 items are made when they are asked for.
        """
        self._makers = makers
        self._items: list[Future[ItemT]] = [Future() for _ in makers]
        self._taken = [False] * len(makers)
        self._lock = threading.Lock()
        queue = deque(range(len(makers)))
        this = weakref.ref(self)
        for _ in range(min(threads, len(makers), _MOST_THREADS)):
            # No daemons and no executor: a daemon dies inside the decoder when the program ends, and an
            # executor makes the end of the program wait for the whole queue.
            threading.Thread(target=_work, args=(this, queue), name="prefetch").start()

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> ItemT: ...
    @overload
    def __getitem__(self, index: slice) -> list[ItemT]: ...
    def __getitem__(self, index: int | slice) -> ItemT | list[ItemT]:
        if isinstance(index, slice):
            return [self[row] for row in range(len(self))[index]]
        row = range(len(self))[index]  # an index from the end, or IndexError
        self.make(row)
        return self._items[row].result()

    def make(self, row: int) -> None:
        """Make one item, unless that is done or under way."""
        with self._lock:
            if self._taken[row]:
                return
            self._taken[row] = True
        try:
            self._items[row].set_result(self._makers[row]())
        except Exception as error:  # kept, and raised to whoever asks for the item
            self._items[row].set_exception(error)


def _work(this: "weakref.ref[Prefetched[ItemT]]", queue: "deque[int]") -> None:
    while threading.main_thread().is_alive():
        try:
            row = queue.popleft()
        except IndexError:
            return
        sequence = this()
        if sequence is None:
            return
        sequence.make(row)
        del sequence


class Column(Sequence[FieldT], Generic[ItemT, FieldT]):
    """One field of every item of a sequence, looked up when it is asked for."""

    def __init__(self, items: Sequence[ItemT], field: Callable[[ItemT], FieldT]) -> None:
        self._items = items
        self._field = field

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> FieldT: ...
    @overload
    def __getitem__(self, index: slice) -> list[FieldT]: ...
    def __getitem__(self, index: int | slice) -> FieldT | list[FieldT]:
        if isinstance(index, slice):
            return [self._field(item) for item in self._items[index]]
        return self._field(self._items[index])
