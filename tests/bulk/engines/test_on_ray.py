"""Tasks of Ray; tests/smoke has a cluster that loses a node."""

import socket

import pytest

pytest.importorskip("ray")

from bulk.engines.on_ray import RayEngine
from core.errors import UserError


def test_an_address_without_a_cluster_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UserError, match=f"no Ray cluster answers at --ray-address {address}"):
        RayEngine(address, None, 0.0, 1.0)


@pytest.mark.parametrize("address", ["somewhere", "host:", "ray://host"])
def test_an_address_has_a_port(address: str) -> None:
    with pytest.raises(UserError, match="HOST:PORT"):
        RayEngine(address, None, 0.0, 1.0)
