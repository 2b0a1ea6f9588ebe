import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import viser

from tests.page_client import PATIENCE_S, PageClient, page_client
from tests.training.captures import ring, truth
from tests.viewer.subjects.splats import SplatSubject
from viewer.page import Page
from viewer.serving import page_server
from viewer.visit import Visit


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def server() -> Iterator[viser.ViserServer]:
    with page_server("127.0.0.1", free_port(), "test") as running:
        yield running


@pytest.fixture
def subject(tmp_path: Path) -> SplatSubject:
    return SplatSubject(truth(), ring(5), folder=tmp_path / "run")


@pytest.fixture
def page(server: viser.ViserServer, subject: SplatSubject) -> Iterator[Page]:
    other = SplatSubject(truth(6), ring(5), "other")
    running = Page(server, [subject, other])
    yield running
    running.close()


Join = Callable[[], PageClient]


@pytest.fixture
def join(server: viser.ViserServer, page: Page) -> Iterator[Join]:
    """Opens the page as one more client, which has seen its first picture."""
    with ExitStack() as stack:

        def joined() -> PageClient:
            client = stack.enter_context(page_client(f"ws://127.0.0.1:{server.get_port()}"))
            client.look((0.0, 0.0, -4.0), size=(160, 120))
            client.wait_for_picture()
            return client

        yield joined
        page.close()


@pytest.fixture
def client(join: Join) -> PageClient:
    return join()


@pytest.fixture
def visit(page: Page, client: PageClient) -> Visit:
    until(lambda: len(page.visits) == 1)
    return page.visits[0]


@pytest.fixture(autouse=True)
def _closed_loops() -> Iterator[None]:
    """Leaves no event loop of the server's behind, of which Python would warn in another test."""
    yield
    asyncio.set_event_loop(None)
