"""How large a picture may be while its camera moves, and how many a second there are."""

import math
import time
from collections import deque

_MOVING_S = 1 / 31  # a picture may take this long while the camera moves
_SMALLEST = 0.25  # of the full height
_NEARLY_FULL = 0.9  # above it a coarse picture would gain nothing
_MEMORY = 0.7
_WINDOW_S = 1.5


class Pace:
    """Measures pictures, and chooses the height of the next one."""

    def __init__(self) -> None:
        self._seconds_per_pixel: float | None = None
        self._shown: deque[float] = deque()

    def drawn(self, width: int, height: int, seconds: float) -> None:
        """Learn from a picture: its size, and how long drawing and packing it took."""
        now = seconds / (width * height)
        before = self._seconds_per_pixel
        self._seconds_per_pixel = now if before is None else _MEMORY * before + (1 - _MEMORY) * now

    def sent(self) -> None:
        """Count a picture that was sent."""
        self._shown.append(time.monotonic())
        self._forget()

    def coarse_height(self, width: int, height: int) -> int:
        """The height of a picture while the camera moves, at most the full one.

        Args:
            width: of the full picture.
            height: of the full picture.
        """
        if self._seconds_per_pixel is None:
            return max(1, round(_SMALLEST * height))
        share = math.sqrt(_MOVING_S / (self._seconds_per_pixel * width * height))
        return height if share >= _NEARLY_FULL else max(1, round(max(share, _SMALLEST) * height))

    @property
    def per_second(self) -> float:
        """Pictures a second of late; 0 after a rest."""
        self._forget()
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(self._shown[-1] - self._shown[0], 1e-6)

    def _forget(self) -> None:
        oldest = time.monotonic() - _WINDOW_S
        while self._shown and self._shown[0] < oldest:
            self._shown.popleft()
