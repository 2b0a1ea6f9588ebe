"""The gate: 403 without the token, everything with it, and nobody's nonsense holds up another."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import websockets.exceptions
import websockets.sync.client

from core.errors import UserError
from viewer.access import address_of, gate, is_this_computer
from viewer.serving import page_server

TOKEN = "a-Token_of-22-letters0"


class Behind(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the page at " + self.path.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a gate with a small server behind it."""
    server = HTTPServer(("127.0.0.1", 0), Behind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with gate("127.0.0.1", 0, server.server_port, TOKEN) as outer:
        yield outer
    server.shutdown()
    thread.join()
    server.server_close()


def status(port: int, path: str, **headers: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", f"/?token={TOKEN[:-1]}", f"/?Token={TOKEN}"]
)
def test_without_the_token_403(port: int, path: str) -> None:
    assert status(port, path) == 403


def test_a_wrong_cookie_is_no_token(port: int) -> None:
    for cookie in (f"splatworks-{port}=wrong", f"splatworks-1={TOKEN}", f"a=b; {TOKEN}", "\xfc;==;"):
        assert status(port, "/", Cookie=cookie) == 403
    assert status(port, "/", Cookie=f"a=b; splatworks-{port}={TOKEN}") == 200


def test_with_the_token_a_cookie_does_for_the_rest(port: int) -> None:
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with browser.open(f"http://127.0.0.1:{port}/?token={TOKEN}", timeout=20) as answer:
        assert answer.read() == b"the page at /"  # the address in the browser no longer shows it
    with browser.open(f"http://127.0.0.1:{port}/more?x=1", timeout=20) as answer:
        assert answer.read() == b"the page at /more?x=1"
    assert [cookie.name for cookie in jar] == [f"splatworks-{port}"]


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        yield client


def answer_to(port: int, sent: bytes) -> bytes:
    """The first bytes of the answer; none where the gate hung up, which it may do before all is sent."""
    with connected(port) as client:
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            return client.recv(100)
        except TimeoutError:  # neither an answer nor an end: it was held up
            raise
        except OSError:
            return b""


def test_nonsense_and_silence_hold_up_nobody(port: int) -> None:
    with connected(port) as silent, connected(port) as half:
        half.sendall(b"GET / HTT")
        for nonsense in (
            b"\x00\xff\x00\r\n\r\n",
            b"\r\n\r\n",
            b"GET http://[ HTTP/1.1\r\n\r\n",
            b"x" * 200_000,
        ):
            answer = answer_to(port, nonsense)
            assert not answer or answer.startswith(b"HTTP/1.1 403 ")
        assert status(port, "/", Cookie=f"splatworks-{port}={TOKEN}") == 200
        assert silent.fileno() > 0


def test_the_gate_closes_with_connections_open() -> None:
    with gate("127.0.0.1", 0, 1, TOKEN) as port:
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
    assert client.recv(1) == b""
    client.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_the_next_free_port_is_taken() -> None:
    with gate("127.0.0.1", 0, 1, TOKEN) as taken, gate("127.0.0.1", taken, 1, TOKEN) as other:
        assert taken < other <= taken + 100


def test_an_address_that_is_not_this_computers() -> None:
    with (
        pytest.raises(UserError, match=r"cannot listen at 203\.0\.113\.7:0"),
        gate("203.0.113.7", 0, 1, TOKEN),
    ):
        pass


@pytest.mark.parametrize(
    ("host", "is_here", "address"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:80"),
        ("localhost", True, "http://localhost:80"),
        ("::1", True, "http://[::1]:80"),
        ("0.0.0.0", False, f"http://{socket.gethostname()}:80"),
        ("::", False, f"http://{socket.gethostname()}:80"),
        ("192.0.2.1", False, "http://192.0.2.1:80"),
        ("example.org", False, "http://example.org:80"),
    ],
)
def test_addresses(host: str, is_here: bool, address: str) -> None:
    assert is_this_computer(host) == is_here
    assert address_of(host, 80) == address
    assert address_of(host, 80, TOKEN) == f"{address}/?token={TOKEN}"


def test_a_page_for_other_computers_wants_the_token(capsys: pytest.CaptureFixture[str]) -> None:
    with page_server("0.0.0.0", 0, "test"):
        told = capsys.readouterr().err
        port, token = int(told.split(":")[2].split("/")[0]), told.split("token=")[1].split()[0]
        assert len(token) >= 20
        assert status(port, "/") == 403
        jar = CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        with browser.open(f"http://127.0.0.1:{port}/?token={token}", timeout=20) as answer:
            assert b"<html" in answer.read().lower()
        with pytest.raises(websockets.exceptions.InvalidStatus, match="403"):
            websockets.sync.client.connect(f"ws://127.0.0.1:{port}/")
        cookie = {"Cookie": f"splatworks-{port}={token}"}
        for address, headers in ((f"/?token={token}", {}), ("/", cookie)):
            with (
                websockets.sync.client.connect(
                    f"ws://127.0.0.1:{port}{address}", additional_headers=headers, compression=None
                ) as client,
                pytest.raises(websockets.exceptions.ConnectionClosedError, match="Version mismatch"),
            ):
                client.recv(timeout=20)
