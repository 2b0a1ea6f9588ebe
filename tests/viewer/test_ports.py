"""A port is found, or it is told why there is none."""

import errno
import socket

import pytest

from core.errors import UserError
from viewer.ports import LARGEST_PORT, free_port
from viewer.serving import page_server


def listening(port: int = 0) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def test_a_free_port_is_taken_as_it_is() -> None:
    with listening() as taken:
        port = taken.getsockname()[1]
    assert free_port("127.0.0.1", port) == port
    assert free_port("localhost", 0) == 0


def test_taken_ports_are_passed_over() -> None:
    with listening() as taken:
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) > port


@pytest.fixture
def last_taken() -> socket.socket:
    try:
        return listening(LARGEST_PORT)
    except OSError:  # by somebody else, which will do
        return socket.socket()


def test_after_the_last_port_there_is_none(last_taken: socket.socket) -> None:
    with (
        last_taken,
        pytest.raises(UserError, match=rf"127\.0\.0\.1:{LARGEST_PORT} \(no port from there on is free\)"),
        page_server("127.0.0.1", LARGEST_PORT, "test"),
    ):
        pass


@pytest.mark.parametrize("host", ["0.0.0..0", "a" * 70, "\x00", "no such host", "203.0.113.7"])
def test_hosts_that_are_none_of_this_computers(host: str) -> None:
    with pytest.raises(UserError, match="cannot listen at"), page_server(host, 0, "test"):
        pass


def test_a_computer_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    make = socket.socket

    def make_ipv4(family: int = -1, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "unknown")
        return make(family, *rest)

    monkeypatch.setattr(socket, "socket", make_ipv4)
    with pytest.raises(UserError, match=r"::1:0 \(Address family not supported"), page_server("::1", 0, "t"):
        pass
    assert free_port("localhost", 0) == 0
