"""Cameras of a capture in a browser's scene: frustums with thumbnails, and lines through places."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from core.errors import UserError
from viewer.eyes import scaled, wxyz_of
from viewer.subject import KnownView, Picture, Subject

if TYPE_CHECKING:
    import viser

_MOST = 400  # of a longer capture, so many cameras are shown, evenly chosen
_THUMBNAIL_PX = 96
_SPACING_SHARE, _LARGEST = 0.3, 0.02  # of the way to the next camera; of the extent, at most
_TRAINED, _HELD_OUT = (60, 120, 216), (222, 120, 40)
_PATHS = ((222, 60, 70), (150, 150, 160))
_PAUSE_S = 0.02  # between two thumbnails: pictures come first


class Frustums:
    """A subject's cameras in one browser's scene. They appear one after the other.

    Args:
        client: the browser.
        subject: whose cameras.
        thumbnail: the small photograph of a view, None where there is none.
        clicked: is told of the view that was clicked.
    """

    def __init__(
        self,
        client: "viser.ClientHandle",
        subject: Subject,
        thumbnail: Callable[[int], Picture | None],
        clicked: Callable[[int], None],
    ) -> None:
        self._client, self._subject = client, subject
        self._thumbnail, self._clicked = thumbnail, clicked
        self._handles: dict[int, viser.CameraFrustumHandle] = {}
        self._lines: list[viser.LineSegmentsHandle] = []
        self._visible = True
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._size = frustum_size(subject)
        self._thread = threading.Thread(target=self._fill, name="frustums", daemon=True)
        self._thread.start()

    def show(self, visible: bool) -> None:
        """Show or hide them all."""
        with self._lock:
            if visible != self._visible:
                self._visible = visible
                for handle in [*self._handles.values(), *self._lines]:
                    handle.visible = visible

    def close(self) -> None:
        """Take them away."""
        self._closed.set()
        self._thread.join()
        for handle in [*self._handles.values(), *self._lines]:
            handle.remove()

    def _fill(self) -> None:
        views = self._subject.views
        rows = np.unique(np.linspace(0, len(views) - 1, min(len(views), _MOST)).round().astype(int))
        for number, (name, places) in enumerate(self._subject.paths.items()):
            self._add_line(name, places, _PATHS[number % len(_PATHS)])
        for row in rows.tolist():
            if self._closed.is_set():
                return
            self._add(row, views[row])
        for row in rows.tolist():
            if self._closed.wait(_PAUSE_S):
                return
            with suppress(UserError):  # a photograph that does not decode is told where it is looked at
                small = self._thumbnail(row)
                if small is not None and not self._closed.is_set():
                    self._handles[row].image = small

    def _add(self, row: int, view: KnownView) -> None:
        width, height = view.camera.size
        c2w = view.camera.c2w[0].cpu().double().numpy()
        handle = self._client.scene.add_camera_frustum(
            f"/cameras/{row}",
            2 * math.atan(height / 2 / float(view.camera.Ks[0, 1, 1])),
            width / height,
            scale=self._size,
            thickness=1.0,
            thickness_units="screen",
            color=_TRAINED if view.trained else _HELD_OUT,
            format="jpeg",
            wxyz=wxyz_of(c2w[:3, :3]),
            position=c2w[:3, 3],
        )
        handle.on_click(lambda _: self._clicked(row))
        with self._lock:
            self._handles[row] = handle
            handle.visible = self._visible

    def _add_line(self, name: str, places: np.ndarray, colour: tuple[int, int, int]) -> None:
        if len(places) > 1:
            segments = np.stack([places[:-1], places[1:]], axis=1).astype(np.float32)
            line = self._client.scene.add_line_segments(
                f"/paths/{name}", segments, colour, thickness=2.5, thickness_units="screen"
            )
            with self._lock:
                self._lines.append(line)
                line.visible = self._visible


def frustum_size(subject: Subject) -> float:
    """How long frustums are, so that those of neighbours do not fill each other."""
    largest = _LARGEST * subject.extent.size
    if len(subject.views) < 2:
        return largest
    centers = np.stack([view.camera.centers[0].cpu().numpy() for view in subject.views])
    apart = KDTree(centers).query(centers, k=2)[0][:, 1]
    usual = float(np.median(apart[apart > 0])) if (apart > 0).any() else largest
    return min(largest, _SPACING_SHARE * usual)


def thumbnails(subject: Subject) -> Callable[[int], Picture | None]:
    """Small photographs of a subject's views, each decoded once for all who look.

    Returned function's Raises:
        UserError: a photograph does not decode.
    """

    @lru_cache(_MOST)
    def thumbnail(view: int) -> Picture | None:
        photograph = subject.photograph(view)
        if photograph is None:
            return None
        height, width = photograph.shape[:2]
        factor = _THUMBNAIL_PX / max(width, height)
        return scaled(photograph.numpy(), max(1, round(width * factor)), max(1, round(height * factor)))

    return thumbnail
