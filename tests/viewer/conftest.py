import asyncio
import socket
from collections.abc import Iterator

import pytest
import viser

from viewer.serving import page_server


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def server() -> Iterator[viser.ViserServer]:
    with page_server("127.0.0.1", free_port(), "test") as running:
        yield running


@pytest.fixture(autouse=True)
def _closed_loops() -> Iterator[None]:
    """Leaves no event loop of the server's behind, of which Python would warn in another test."""
    yield
    asyncio.set_event_loop(None)
