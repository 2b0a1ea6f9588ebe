"""Who opens the page gets a visit; whatever one browser does, the others do not notice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import viser

from tests.page_client import PageClient, page_client
from tests.viewer.conftest import Join, until
from viewer.page import Page
from viewer.visit import Visit


def sees_pictures(client: PageClient, size: tuple[int, int] = (160, 120)) -> bool:
    """Whether a client that moves its camera gets pictures."""
    for step in range(3):
        before = client.pictures
        client.look((0.1 * step, 0.0, -4.0), size=size)
        client.wait_for_picture(before)
    return True


NONSENSE: tuple[Callable[[PageClient], None], ...] = (
    lambda client: client.say_bytes(b"\x00\xff nonsense"),
    lambda client: client.say_bytes("text"),
    lambda client: client.say_bytes(b""),
    lambda client: client.say("NoSuchMessage", x=1),
    lambda client: client.say("ViewerCameraMessage", wxyz="north"),
)
"""What is no message at all: viser hangs up."""

CAMERAS = (
    {"position": (float("nan"), 0.0, 0.0)},
    {"position": (1e300, 0.0, 0.0)},
    {"position": (0.0, 0.0, 0.0), "wxyz": (0.0, 0.0, 0.0, 0.0)},
    {"position": (0.0, 0.0, 0.0), "size": (10**9, 10**9)},
    {"position": (0.0, 0.0, 0.0), "size": (0, 0)},
    {"position": (0.0, 0.0, 0.0), "fov": 0.0},
)
"""What is a message, but no camera."""


def test_a_visit_for_each_and_an_end_with_each(page: Page, join: Join) -> None:
    one, other = join(), join()
    until(lambda: len(page.visits) == 2)
    one.vanish()
    until(lambda: len(page.visits) == 1)
    assert sees_pictures(other)
    page.close()
    assert page.visits == []


def test_who_vanishes_or_talks_nonsense_harms_nobody_else(page: Page, join: Join) -> None:
    calm = join()
    for nonsense in NONSENSE:
        wild = join()
        nonsense(wild)
        assert sees_pictures(calm)
    wild = join()
    wild.vanish()
    assert sees_pictures(calm)
    until(lambda: len(page.visits) == 1)


def test_a_camera_that_is_none_draws_nothing_and_stops_nothing(join: Join) -> None:
    wild, calm = join(), join()
    for camera in CAMERAS:
        wild.look(**camera)  # pyright: ignore[reportArgumentType]
        assert sees_pictures(calm)
    assert sees_pictures(wild)


def test_controls_beyond_their_ranges(join: Join) -> None:
    wild, calm = join(), join()
    for label, value in (
        ("scale", -1e9),
        ("scale", float("nan")),
        ("SH degree", 99),
        ("picture height", 10**12),
        ("crop x", [5.0, -5.0]),
        ("show", "nothing of this kind"),
        ("camera", "77: nowhere"),
        ("run", "none"),
        ("divider", 40.0),
    ):
        wild.set(label, value)
        assert sees_pictures(calm)
        assert sees_pictures(wild)


def test_who_takes_no_pictures_gets_no_more_and_holds_up_nobody(
    page: Page, join: Join, server: viser.ViserServer
) -> None:
    slow, calm = join(), join()
    until(lambda: len(page.visits) == 2)
    slow.answers = False
    for step in range(60):
        slow.look((0.01 * step, 0.0, -4.0), size=(160, 120))
    before = slow.pictures
    assert sees_pictures(calm)
    while slow.hear(0.5):
        pass
    assert slow.pictures - before <= 2
    slow.answers = True
    assert sees_pictures(calm)


def test_an_end_while_they_look(page: Page, join: Join) -> None:
    join(), join()
    until(lambda: len(page.visits) == 2)
    page.close()
    assert page.visits == []


def test_an_end_while_a_visit_is_made(
    page: Page, server: viser.ViserServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Visit] = []
    closing = threading.Thread(target=page.close)

    class SlowVisit(Visit):
        def __init__(self, *told: Any) -> None:
            closing.start()
            closing.join(0.5)
            super().__init__(*told)
            made.append(self)

    monkeypatch.setattr("viewer.page.Visit", SlowVisit)
    with page_client(f"ws://127.0.0.1:{server.get_port()}") as client:
        client.look((0.0, 0.0, -4.0), size=(160, 120))
        until(lambda: bool(made) and not closing.is_alive())
        until(lambda: "screen" not in " ".join(thread.name for thread in threading.enumerate()))
    assert page.visits == []
