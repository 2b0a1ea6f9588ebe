"""A server of files on this machine, which sends parts when asked to, and can break off."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class Files(BaseHTTPRequestHandler):
    """Serves `content` by path; remembers the ranges that were asked for."""

    content: ClassVar[dict[str, bytes]] = {}
    ranges: ClassVar[list[str | None]] = []
    breaks_off_after: ClassVar[int | None] = None

    def do_HEAD(self) -> None:
        if self.path in self.content:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.content[self.path])))
            self.end_headers()
        else:
            self.send_error(404)

    def do_GET(self) -> None:
        if self.path not in self.content:
            self.send_error(404)
            return
        data, asked = self.content[self.path], self.headers["Range"]
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : self.breaks_off_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(content: dict[str, bytes]) -> Iterator[tuple[str, type[Files]]]:
    """The address of a server with these files, and its handler, whose class variables change its ways."""

    class Handler(Files):
        ranges: ClassVar[list[str | None]] = []

    Handler.content = content
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
