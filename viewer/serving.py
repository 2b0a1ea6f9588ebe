"""The server behind the page: viser, which is asked for only when a page is."""

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.errors import UserError

if TYPE_CHECKING:
    import viser

_LARGEST_PORT = 65_535


@contextmanager
def page_server(host: str, port: int, title: str) -> Iterator["viser.ViserServer"]:
    """A server that is stopped when the block ends, however it ends.

    Args:
        host: the address that it listens at; 127.0.0.1 is reached from this computer alone.
        port: of the page; the next free one is taken where it is in use, and 0 takes any.
        title: of the page's panel.

    Raises:
        UserError: viser is not installed, or the server cannot listen there.
    """
    if not 0 <= port <= _LARGEST_PORT:
        raise UserError(f"--port {port}: 0 to {_LARGEST_PORT} were expected")
    try:
        import viser  # noqa: PLC0415
    except ImportError as error:
        raise UserError("the viewer needs viser; install it by `pip install -r requirements.txt`") from error
    try:
        # It prints a box of its own, which would say the address a second time.
        with contextlib.redirect_stdout(io.StringIO()):
            server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    except OSError as error:
        raise UserError(
            f"cannot listen at {host}:{port} ({error.strerror or error}); choose others by --host and --port"
        ) from error
    try:
        # Its sharing would send the scene through other people's computers.
        server.gui.configure_theme(show_share_button=False, show_logo=False, control_width="medium")
        yield server
    finally:
        server.stop()
