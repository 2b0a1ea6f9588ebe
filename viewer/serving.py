"""The server behind the page: viser, which is asked for only when a page is."""

import contextlib
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import UserError
from core.progress import say
from viewer.access import address_of, gate, is_this_computer
from viewer.ports import LARGEST_PORT, free_port

if TYPE_CHECKING:
    import viser


@contextmanager
def page_server(host: str, port: int, title: str) -> Iterator["viser.ViserServer"]:
    """A server that is stopped when the block ends, however it ends. Its address is told.

    Where other computers can reach it, it stands behind a gate that only those pass who know the token in the
    address.

    Args:
        host: the address that it listens at; 127.0.0.1 is reached from this computer alone.
        port: of the page; the next free one is taken where it is in use, and 0 takes any.
        title: of the page's panel.

    Raises:
        UserError: viser is not installed, or the server cannot listen there.
    """
    if not 0 <= port <= LARGEST_PORT:
        raise UserError(f"--port {port}: 0 to {LARGEST_PORT} were expected")
    if is_this_computer(host):
        with _bare_server(host, port, title) as server:
            _tell(address_of(host, server.get_port()))
            yield server
        return
    token = secrets.token_urlsafe(16)
    with (
        _bare_server("127.0.0.1", 0, title) as server,
        gate(host, port, server.get_port(), token) as outer_port,
    ):
        _tell(address_of(host, outer_port, token))
        yield server


def _tell(address: str) -> None:
    say(f"open {address} in a browser")


@contextmanager
def _bare_server(host: str, port: int, title: str) -> Iterator["viser.ViserServer"]:
    try:
        import viser  # noqa: PLC0415
    except ImportError as error:
        raise UserError("the viewer needs viser; install it by `pip install -r requirements.txt`") from error
    port = free_port(host, port)
    # It prints a box of its own, which would say the address a second time.
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    try:
        # Its sharing would send the scene through other people's computers.
        server.gui.configure_theme(show_share_button=False, show_logo=False, control_width="medium")
        yield server
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            server.stop()
