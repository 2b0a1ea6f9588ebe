"""The page of runs: a visit for each browser that opens it, which ends when the browser goes."""

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakMethod

from viewer.frustums import thumbnails
from viewer.subject import Subject
from viewer.visit import Visit

if TYPE_CHECKING:
    import viser


class Page:
    """Shows runs to everyone who opens the page, for as long as it is kept.

    Args:
        server: that the page comes from.
        subjects: the runs, one at least; the first is seen first.
    """

    def __init__(self, server: "viser.ViserServer", subjects: Sequence[Subject]) -> None:
        self._server, self._subjects = server, tuple(subjects)
        self._thumbnails = [thumbnails(subject) for subject in subjects]
        self._closed = False
        self._lock = threading.Lock()
        self._visits: dict[int, Visit] = {}
        server.scene.world_axes.visible = False
        # Who has just left does not get the picture that was being drawn, which is no reason to warn.
        warnings.filterwarnings("ignore", "Queued a .* on a closed connection", UserWarning)
        server.on_client_connect(_weakly(self._welcome))
        server.on_client_disconnect(_weakly(self._see_off))

    @property
    def visits(self) -> list[Visit]:
        """Those that go on."""
        with self._lock:
            return list(self._visits.values())

    def close(self) -> None:
        """End all visits, and receive no more."""
        with self._lock:
            self._closed = True
            visits = list(self._visits.values())
            self._visits.clear()
        for visit in visits:
            visit.close()

    def _welcome(self, client: "viser.ClientHandle") -> None:
        with self._lock:  # all the while, so that the page is not closed beside a visit that is being made
            if self._closed:
                return
            self._visits[client.client_id] = Visit(client, self._subjects, self._thumbnails)
        # Someone who left while the visit was made was seen off before there was one.
        if client.client_id not in self._server.get_clients():
            self._see_off(client)

    def _see_off(self, client: "viser.ClientHandle") -> None:
        with self._lock:
            visit = self._visits.pop(client.client_id, None)
        if visit is not None:
            visit.close()


def _weakly(method: Callable[["viser.ClientHandle"], None]) -> Callable[["viser.ClientHandle"], None]:
    """Calls a method for as long as its object lives: a server keeps what it calls to its own end."""
    reference = WeakMethod(method)

    def call(client: "viser.ClientHandle") -> None:
        found = reference()
        if found is not None:
            found(client)

    return call
