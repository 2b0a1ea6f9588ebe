"""Screenshots and recorded paths: the panel of one browser that takes them."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import cv2

from core.errors import UserError
from core.images import encode
from viewer.recording import FOLDER, Key, VideoWish, new_path, path_through, record
from viewer.screens import Look, Screen, draw
from viewer.values import choice, number

if TYPE_CHECKING:
    import viser

_SIZES = ("1280x720", "1920x1080", "960x540", "640x360")
_MOST_SECONDS, _MOST_FPS = 120, 60
_PREVIEW_FPS = 20
_MOST_KEYS = 200


class PicturePanel:
    """Takes pictures of what one browser sees.

    Args:
        client: the browser.
        screen: what it sees.
        look: what is to be seen on it now.
        go: sends its camera to a place.
    """

    def __init__(
        self,
        client: "viser.ClientHandle",
        screen: Screen,
        look: Callable[[], Look],
        go: Callable[[Key], None],
    ) -> None:
        self._client, self._screen, self._look, self._go = client, screen, look, go
        self._keys: list[Key] = []
        self._closed, self._stopped = threading.Event(), threading.Event()
        self._busy = threading.Lock()
        gui = client.gui
        self.folder = gui.add_folder("pictures", expand_by_default=False)
        with self.folder:
            self.shot = gui.add_button("screenshot")
            self.keys = gui.add_markdown("")
            self.add = gui.add_button("add keyframe")
            self.edit = gui.add_button_group("keyframes", ("remove last", "clear"))
            self.seconds = gui.add_slider("seconds", 1, _MOST_SECONDS, 1, 6)
            self.fps = gui.add_slider("path frames per second", 5, _MOST_FPS, 1, 30)
            self.size = gui.add_dropdown("video size", _SIZES)
            self.preview = gui.add_button("preview path")
            self.record = gui.add_button("record path", color="red")
            self.stop = gui.add_button("stop", visible=False)
            self.progress = gui.add_progress_bar(0.0, visible=False)
        self._tell_keys()
        self.shot.on_click(lambda _: self._guarded(self.screenshot))
        self.add.on_click(lambda _: self.add_key())
        self.edit.on_click(lambda _: self._edit_keys())
        self.preview.on_click(lambda _: self._guarded(self.show_path))
        self.record.on_click(lambda _: self._guarded(self.record_path))
        self.stop.on_click(lambda _: self._stopped.set())

    def close(self) -> None:
        """Give up what is being recorded; the panel is gone when this returns."""
        self._closed.set()
        with self._busy:
            pass

    def screenshot(self) -> None:
        """Send what is seen to the browser as a PNG, at full size."""
        at, look = self._screen.eye, self._look()
        if at is None:
            return
        picture = draw(look, at, look.height)
        name = f"{Path(look.subject.title).name}_{look.wish.channel.replace(' ', '_')}.png"
        data = encode(picture, ".png", cv2.IMWRITE_PNG_COMPRESSION, 6)
        self._client.send_file_download(name, data, save_immediately=True)

    def add_key(self) -> None:
        """Let the path pass where the camera is."""
        at, look = self._screen.eye, self._look()
        if at is not None and len(self._keys) < _MOST_KEYS:
            self._keys.append(Key(at, look.wish.time_s))
            self._tell_keys()

    def show_path(self) -> None:
        """Lead the browser's camera along the path."""
        seconds = number(self.seconds.value, 1, _MOST_SECONDS)
        for place in path_through(list(self._keys), max(2, round(seconds * _PREVIEW_FPS))):
            if self._closed.is_set() or self._stopped.wait(1 / _PREVIEW_FPS):
                return
            self._go(place)

    def record_path(self) -> None:
        """Write the path into the run's folder, where there is one, and send it to the browser."""
        look = self._look()
        width, height = (int(side) for side in choice(self.size.value, _SIZES).split("x"))
        fps, seconds = number(self.fps.value, 5, _MOST_FPS), number(self.seconds.value, 1, _MOST_SECONDS)
        video = VideoWish(width, height, fps, seconds)
        run, wish = look.subject.folder, replace(look.wish, view=None)
        with (
            TemporaryDirectory() as temporary,
            new_path(Path(temporary) if run is None else run / FOLDER) as path,
        ):
            if record(look.subject, wish, list(self._keys), video, path, self._go_on):
                self._client.send_file_download(path.name, path.read_bytes())
                if run is not None:
                    self._client.add_notification("recorded", str(path), auto_close_seconds=8)

    def _go_on(self, share: float) -> bool:
        percent = float(round(100 * share))
        if percent != self.progress.value:
            self.progress.value = percent
        return not self._closed.is_set() and not self._stopped.is_set()

    def _guarded(self, action: Callable[[], None]) -> None:
        """One thing at a time, with a button to stop it; what a user can mend is told."""
        if self._closed.is_set() or not self._busy.acquire(blocking=False):
            return
        try:
            self._stopped.clear()
            self.progress.value = 0.0
            self.stop.visible = self.progress.visible = True
            action()
        except UserError as error:
            self._client.add_notification("not done", str(error), color="red")
        finally:
            if not self._closed.is_set():
                self.stop.visible = self.progress.visible = False
            self._busy.release()

    def _edit_keys(self) -> None:
        if self.edit.value == "clear":
            self._keys.clear()
        elif self._keys:
            self._keys.pop()
        self._tell_keys()

    def _tell_keys(self) -> None:
        count = len(self._keys)
        self.keys.content = f"camera path: **{count}** keyframe{'' if count == 1 else 's'}"
