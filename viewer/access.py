"""Who may open a page that other computers can reach: those who know the token in its address."""

import asyncio
import contextlib
import ipaddress
import secrets
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from viewer.ports import cannot_listen, free_port

_PATIENCE_S = 10.0
_BEGINNING_S = 0.1
_CHUNK = 1 << 16
_EVERYWHERE = ("0.0.0.0", "::")
_BROKEN = (
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    asyncio.TimeoutError,
    asyncio.CancelledError,
    OSError,
)
_REFUSAL = (
    b"This page is for those who know the token in its address, which was printed where it was started.\n"
)


def is_this_computer(host: str) -> bool:
    """Whether an address to listen at is reached from this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(host: str, port: int, token: str | None = None) -> str:
    """What to type into a browser.

    Args:
        host: that is listened at; where it stands for all addresses, the computer's name takes its place.
        port: of the page.
        token: without which nobody is let in.
    """
    name = socket.gethostname() if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}" + ("" if token is None else f"/?token={token}")


@contextmanager
def gate(host: str, port: int, behind: int, token: str) -> Iterator[int]:
    """Let those through to a server of this computer who know a token; everyone else is answered by 403.

    A browser says the token once, in the address, and then by a cookie, which its websockets carry too.

    Args:
        host: the address to listen at.
        port: to listen at; the next free one is taken where it is in use, and 0 takes any.
        behind: the port on 127.0.0.1 of the server, which itself asks for nothing.
        token: letters, digits, hyphens and underscores.

    Yields:
        The port that is listened at.

    Raises:
        UserError: it is not possible to listen there.
    """
    guard, port = _Guard(behind, token), free_port(host, port)
    with _event_loop() as run:
        try:
            server: asyncio.Server = run(asyncio.start_server(guard.receive, host, port))
        except OSError as error:  # taken since it was found free
            raise cannot_listen(host, port, error) from error
        guard.port = server.sockets[0].getsockname()[1]
        try:
            yield guard.port
        finally:
            run(_end(server))


@contextmanager
def _event_loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """A loop on a thread of its own, and what runs something on it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gate", daemon=True)
    thread.start()
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class _Guard:
    """Looks at the head of what comes first on a connection, and hands on or refuses the whole of it.

    Args:
        behind: port of the server.
        token: that has to be known.
        port: that is listened at. The cookie's name has it, as browsers send cookies to all ports of a host.
    """

    behind: int
    token: str
    port: int = 0

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; one that breaks concerns nobody else."""
        try:
            # What is no request, never ends, goes away, or is there still when the gate closes, is let go.
            with contextlib.suppress(*_BROKEN):
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
                answer = self.answer(head.decode("latin-1"))
                if answer is None:
                    await self._hand_on(head, reader, writer)
                else:
                    writer.write(answer)
                    await writer.drain()
        finally:
            writer.close()

    def answer(self, head: str) -> bytes | None:
        """What to answer a request, given its first line and headers; None lets it through."""
        first, _, rest = head.partition("\r\n")
        headers = HeaderParser().parsestr(rest)
        is_said = self._is_token(_said(first))
        if is_said and headers.get("Upgrade", "").lower() != "websocket":
            cookie = f"{self._cookie}={self.token}; Path=/; HttpOnly; SameSite=Lax"
            return _response("303 See Other", b"", "Location: /", f"Set-Cookie: {cookie}")
        if is_said or self._is_token(_cookie_of(headers, self._cookie)):
            return None
        return _response("403 Forbidden", _REFUSAL)

    def _is_token(self, word: str) -> bool:
        return secrets.compare_digest(word.encode(), self.token.encode())

    @property
    def _cookie(self) -> str:
        return f"splatworks-{self.port}"

    async def _hand_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy both ways until one side ends."""
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.behind)
        inner_writer.write(head)
        copies = [
            asyncio.ensure_future(_copy(reader, inner_writer)),
            asyncio.ensure_future(_copy(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            inner_writer.close()


def _said(first_line: str) -> str:
    """The token in the address that a request's first line asks for, such as `GET /?token=... HTTP/1.1`."""
    _, _, target = first_line.partition(" ")
    query = target.partition(" ")[0].partition("?")[2]
    return parse_qs(query).get("token", [""])[0]


def _cookie_of(headers: Message, name: str) -> str:
    """A cookie's value, "" where it was not sent."""
    try:
        found = SimpleCookie(headers.get("Cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()  # one who reads slowly is written to slowly


async def _end(server: asyncio.Server) -> None:
    """Listen no more, and end every connection."""
    # Whoever has just come in is served by tasks that first have to begin: ended before, they close nothing.
    await asyncio.sleep(_BEGINNING_S)
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # for what they closed to be closed


def _response(status: str, body: bytes, *headers: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        *headers,
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body
