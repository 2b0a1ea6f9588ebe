"""Tasks of Ray; tests/smoke has a cluster that loses a node."""

import socket
from collections.abc import Callable

import pytest

pytest.importorskip("ray")

from bulk.engines import on_ray
from bulk.engines.on_ray import RayEngine, room_for
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


@pytest.mark.parametrize(
    ("needs", "nodes", "room"),
    [
        ({"CPU": 2.0, "GPU": 0.0}, [{"CPU": 5.0}, {"CPU": 3.0}], 3),
        ({"CPU": 1.0, "GPU": 0.1}, [{"CPU": 64.0, "GPU": 1.0}], 10),
        ({"CPU": 1.0, "GPU": 2.0}, [{"CPU": 8.0, "GPU": 1.0}] * 2, 0),
        ({"CPU": 0.0, "GPU": 0.0}, [], 1),
    ],
)
def test_a_task_lies_on_one_machine(
    needs: dict[str, float], nodes: list[dict[str, float]], room: int
) -> None:
    assert room_for(needs, nodes) == room


class SmallCluster:
    """Of Ray what is used before the first task; its one machine has no GPU."""

    def init(self, **_: object) -> None: ...

    def shutdown(self) -> None: ...

    def remote(self, **_: object) -> Callable[[object], object]:
        return lambda function: function

    def nodes(self) -> list[dict[str, object]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"GPU": 8.0}}]


def test_a_task_that_fits_nowhere_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(on_ray.importlib, "import_module", lambda _: SmallCluster())
    with pytest.raises(UserError, match="no machine of the Ray cluster has 1 CPU and 1 GPU"):
        RayEngine(None, None, 1.0, 1.0)
    assert RayEngine("auto", None, 1.0, 1.0).slots == 1
    assert "jobs wait until one has" in capsys.readouterr().err
