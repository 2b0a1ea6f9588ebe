import socket
import sys
import urllib.request

import pytest
import viser

from core.errors import UserError
from viewer.serving import page_server


def test_the_page_is_served_to_this_computer_alone(server: viser.ViserServer) -> None:
    assert server.get_host() == "127.0.0.1"
    with urllib.request.urlopen(f"http://127.0.0.1:{server.get_port()}/", timeout=20) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read().lower()


def test_the_address_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with page_server("127.0.0.1", 0, "test") as server:
        assert capsys.readouterr().err == f"open http://127.0.0.1:{server.get_port()} in a browser\n"


def test_the_port_is_free_again_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    with page_server("127.0.0.1", 0, "test") as server:
        port = server.get_port()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
    assert capsys.readouterr().out == ""


def test_an_error_inside_stops_the_server() -> None:
    ports: list[int] = []

    def fail() -> None:
        with page_server("127.0.0.1", 0, "test") as server:
            ports.append(server.get_port())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", ports[0]), timeout=5)


def test_ports_out_of_range() -> None:
    with pytest.raises(UserError, match="--port 70000"), page_server("127.0.0.1", 70_000, "test"):
        pass


def test_without_viser_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(UserError, match="pip install"), page_server("127.0.0.1", 0, "test"):
        pass
