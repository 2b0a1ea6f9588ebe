"""A picture goes when the last one was seen, or its browser is gone."""

import threading
import time

import pytest
import viser

from tests.viewer.conftest import Join
from viewer.echo import Echo
from viewer.page import Page


@pytest.fixture
def handle(server: viser.ViserServer, join: Join, page: Page) -> tuple[viser.ClientHandle, object]:
    client = join()
    page.close()  # the visit's own questions would come between
    client.answers = False
    while client.hear(0.3):
        pass
    return next(iter(server.get_clients().values())), client


def test_the_answer_ends_the_waiting(handle: tuple[viser.ClientHandle, object]) -> None:
    browser, client = handle
    echo = Echo(browser)
    assert echo.wait(lambda: False), "nothing was asked"
    echo.ask()
    tries = iter(range(3))
    assert not echo.wait(lambda: next(tries, None) is None), "given up without an answer"
    client.answers = True  # pyright: ignore[reportAttributeAccessIssue]
    waiting = threading.Thread(target=echo.wait, args=(lambda: False,))
    waiting.start()
    while waiting.is_alive():
        client.hear(0.1)  # pyright: ignore[reportAttributeAccessIssue]
    assert echo.wait(lambda: False)
    echo.close()


def test_a_browser_that_goes_is_not_waited_for(handle: tuple[viser.ClientHandle, object]) -> None:
    browser, client = handle
    echo = Echo(browser)
    echo.ask()
    started = time.monotonic()
    client.vanish()  # pyright: ignore[reportAttributeAccessIssue]
    assert echo.wait(lambda: False)
    assert time.monotonic() - started < 20
    echo.close()
