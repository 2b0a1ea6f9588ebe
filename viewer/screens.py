"""What one browser sees: a thread draws a subject from its camera, coarse while that moves, whole at rest."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import ref

import numpy as np

from core.errors import UserError
from scene.cameras import Cameras
from training.street_videos import shifted
from viewer.browser_splats import BrowserSplats
from viewer.echo import Echo
from viewer.eyes import Eye, eye, fitted, letterboxed
from viewer.pace import Pace
from viewer.subject import RENDER, Picture, Subject, Wish

if TYPE_CHECKING:
    import viser

_POLL_S, _PLAYING_POLL_S = 0.1, 1 / 120
_BROWSER_EVERY_S = 3.0  # Gaussians that change by themselves are sent again to a browser that draws by itself
_REST_S = 0.15  # a camera that has not moved for so long rests
_MOVING_QUALITY, _RESTING_QUALITY = 80, 93  # of JPEG


@dataclass(frozen=True)
class Look:
    """What is to be seen.

    Args:
        subject: what is drawn.
        wish: how.
        standing: the known view in whose place the browser's camera is; all of its image is shown, whatever
            the window's shape. None = the browser's own camera.
        shift_m: how far to the left of that view, in the world's units.
        beside: another subject for the right part of the picture, from the same camera, and its own wish.
        divider: where the right part begins, as a share of the width.
        height: of a whole picture at most, pixels.
        playing: something moves by itself: ask again soon.
        in_browser: the browser draws by itself, and gets no pictures.
    """

    subject: Subject
    wish: Wish
    standing: int | None = None
    shift_m: float = 0.0
    beside: tuple[Subject, Wish] | None = None
    divider: float = 0.5
    height: int = 720
    playing: bool = False
    in_browser: bool = False

    @property
    def camera(self) -> Cameras | None:
        """The camera in whose place the browser's is, on its own image; None = the browser's own."""
        if self.standing is None:
            return None
        return shifted(self.subject.views[self.standing].camera, -self.shift_m)


@dataclass(frozen=True)
class Shown:
    """What was sent last.

    Args:
        size: width and height of the picture.
        per_second: pictures a second of late.
        seconds: that this one took to draw.
    """

    size: tuple[int, int]
    per_second: float
    seconds: float


def draw(look: Look, at: Eye, height: int) -> Picture:
    """The picture of the window's shape that is so high.

    Raises:
        UserError: a subject cannot be drawn.
    """
    width, height = at.size(height)
    standing = look.camera
    camera = at.cameras(width, height) if standing is None else fitted(standing, width, height)
    left = letterboxed(look.subject.draw(camera, look.wish), width, height)
    if look.beside is None:
        return left
    other, wish = look.beside
    right = letterboxed(other.draw(camera, wish), width, height)
    column = round(look.divider * width)
    joined = np.concatenate([left[:, :column], right[:, column:]], axis=1)
    joined[:, max(0, column - 1) : column + 1] = 255
    return joined


class Screen:
    """Draws for one browser, from start to close. Whatever a browser does, it has only its own screen.

    Args:
        client: the browser.
        look: what is to be seen; asked before each picture, on the screen's own thread.
        told: is told of each picture, or of what went wrong, on that thread.
    """

    def __init__(
        self,
        client: "viser.ClientHandle",
        look: Callable[[], Look],
        told: Callable[[Shown | UserError], None],
    ) -> None:
        self._client, self._look, self._told = client, look, told
        self._pace, self._echo, self._browser = Pace(), Echo(client), BrowserSplats(client)
        self._closed, self._nudged = threading.Event(), threading.Event()
        self._drawn: object = None  # what is on the screen
        self._is_whole = False
        self._changing: object = None  # what was wanted last, and since when
        self._changed_at = 0.0
        self._handed_over_at = 0.0
        self.reported: Eye | None = None
        """What the browser itself said last of its camera; None before that, or where it said nonsense."""
        reference = ref(self)  # the browser keeps what it calls, and may see many pages of one training

        async def moved(_: "viser.CameraHandle") -> None:
            screen = reference()
            if screen is not None:
                screen.reported = screen.eye
                screen.nudge()

        client.camera.on_update(moved)
        self._thread = threading.Thread(target=self._run, name=f"screen {client.client_id}", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def nudge(self) -> None:
        """Look at once whether there is something new to see."""
        self._nudged.set()

    def close(self, timeout_s: float = 10.0) -> None:
        """Draw no more; returns when the picture that is being drawn is done."""
        self._closed.set()
        self._nudged.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    @property
    def eye(self) -> Eye | None:
        """Where the browser's camera is, or was told to go; None where that is nonsense."""
        camera = self._client.camera
        return eye(camera.wxyz, camera.position, camera.fov, camera.image_width, camera.image_height)

    def _run(self) -> None:
        try:
            self._draw_on()
        finally:
            self._echo.close()

    def _draw_on(self) -> None:
        playing = False
        while not self._closed.is_set():
            self._nudged.wait(_PLAYING_POLL_S if playing else _POLL_S)
            self._nudged.clear()
            look, at = self._look(), self.eye
            playing = look.playing
            if at is not None and not self._closed.is_set():
                self._refresh(look, at)

    def _refresh(self, look: Look, at: Eye) -> None:
        """Send a picture if there is a new one to see, or if the last one was coarse and all rests."""
        asked, now = _asked(look, at), time.monotonic()
        wanted = (asked, _versions(look))
        if asked != self._changing:
            self._changing, self._changed_at = asked, now
        rests = now - self._changed_at >= _REST_S
        is_new = wanted != self._drawn
        if not is_new and (self._is_whole or not rests):
            return
        if look.in_browser and rests and now < self._handed_over_at + _BROWSER_EVERY_S:
            return
        try:
            if look.in_browser:
                self._hand_over(look)
            else:
                self._show(look, at, rests)
        except UserError as error:
            self._told(error)
        self._drawn, self._is_whole = wanted, rests or look.in_browser

    def _hand_over(self, look: Look) -> None:
        splats = look.subject.splats(look.wish)
        if self._echo.wait(self._closed.is_set):
            self._browser.show(splats)
            self._handed_over_at = time.monotonic()
            self._echo.ask()

    def _show(self, look: Look, at: Eye, rests: bool) -> None:
        started = time.perf_counter()
        width, height = at.size(look.height)
        picture = draw(look, at, height if rests else self._pace.coarse_height(width, height))
        seconds, size = time.perf_counter() - started, (picture.shape[1], picture.shape[0])
        self._pace.drawn(*size, seconds)
        # While this picture was drawn, the last one was on its way.
        if not self._echo.wait(self._closed.is_set):
            return
        self._browser.clear()
        quality = _RESTING_QUALITY if rests else _MOVING_QUALITY
        self._client.scene.set_background_image(picture, "jpeg", jpeg_quality=quality)
        self._echo.ask()
        self._pace.sent()
        self._told(Shown(size, self._pace.per_second, seconds))


def _asked(look: Look, at: Eye) -> object:
    """What makes a picture a different one by the doing of the one who looks."""
    if look.in_browser:
        return (look.subject, replace(look.wish, channel=RENDER, view=None))
    return (at, replace(look, playing=False))


def _versions(look: Look) -> object:
    """What makes a picture a different one by itself, as in a training."""
    return (look.subject.version, None if look.beside is None else look.beside[0].version)
