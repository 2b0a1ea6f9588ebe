import math
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import viser

from core.errors import UserError
from scene.occupancy.files import write_occupancy
from scene.occupancy.stored import find_scenes
from scene.occupancy.viewpoints import Viewpoint
from tests.scene.occupancy.streets import BUILDING, CAR, street
from viewer.occupancy.page import VIEWPOINTS, Page, place_camera


@pytest.fixture
def page(server: viser.ViserServer, tmp_path: Path) -> Page:
    write_occupancy(tmp_path / "a.npz", street())
    other = street(2)
    other.classes[other.classes == BUILDING] = 9
    write_occupancy(tmp_path / "b.npz", replace(other, invalid=None))
    (tmp_path / "c.npz").write_bytes(b"broken")
    return Page(server, find_scenes([tmp_path]))


def forward(server: viser.ViserServer, each: int = CAR) -> float:
    """How far ahead a class reaches."""
    handle = server.scene.get_handle_by_name(f"/classes/{each}")
    assert isinstance(handle, viser.MeshHandle)
    return float(np.asarray(handle.vertices)[:, 0].max())


def test_the_slider_moves_the_car(page: Page, server: viser.ViserServer) -> None:
    first = forward(server)
    page.time.value = 2
    assert forward(server) == pytest.approx(first + 4 * 0.4)
    page.time.value = 0
    assert forward(server) == pytest.approx(first)


def test_after_the_last_frame_comes_the_first(page: Page) -> None:
    shown = []
    for _ in range(4):
        page.advance()
        shown.append(page.time.value)
    assert shown == [1, 2, 0, 1]


def test_switches_show_and_hide_classes(page: Page, server: viser.ViserServer) -> None:
    assert set(page.class_shown) == {6, BUILDING, CAR}
    page.class_shown[CAR].value = False
    handle = server.scene.get_handle_by_name(f"/classes/{CAR}")
    assert handle is not None
    assert not handle.visible
    page.class_shown[CAR].value = True
    assert handle.visible


def test_another_scene_brings_its_own_classes_and_length(page: Page, server: viser.ViserServer) -> None:
    page.time.value = 2
    page.scene.value = "b"
    assert set(page.class_shown) == {6, 9, CAR}
    assert page.time.value == 0
    assert page.time.max == 1
    assert server.scene.get_handle_by_name(f"/classes/{BUILDING}") is None
    assert forward(server, 9) > 0


def test_a_broken_scene_is_told_and_the_old_one_stays(page: Page, server: viser.ViserServer) -> None:
    page.scene.value = "c"
    assert "c.npz" in page.message.content
    assert forward(server) > 0


def test_playing_goes_on_until_it_is_stopped(page: Page) -> None:
    page.fps.value = 30
    stop = threading.Event()
    thread = threading.Thread(target=page.play, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 20
    while page.time.value == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert page.time.value > 0
    page.playing.value = False


@pytest.mark.parametrize("value", [0, -5, math.nan, 1e9, "fast"])
def test_a_pace_that_is_none_ends_nothing_and_hurries_nothing(
    page: Page, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "fps", SimpleNamespace(value=value))  # as a browser may send it
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return len(waits) > 1

    page.play(Stop())
    assert waits == pytest.approx([1 / 30 if value == 1e9 else 1] * 2)


def client(aspect: float) -> Any:
    server_side = SimpleNamespace(position=None, look_at=None, up_direction=None, fov=None, aspect=aspect)
    return SimpleNamespace(camera=server_side, atomic=threading.Lock)


@pytest.mark.parametrize("name", VIEWPOINTS)
def test_viewpoints(page: Page, name: str) -> None:
    someone = client(1.5)
    page.viewpoint.value = name
    page._move_camera(SimpleNamespace(client=someone))
    x, y, z = someone.camera.position
    ahead = np.array(someone.camera.look_at) - (x, y, z)
    assert ahead[0] > 0
    assert (abs(ahead[2]) < 0.1 * ahead[0]) == (name == "driver")
    assert (abs(ahead[0]) < 0.1 * abs(ahead[2])) == (name == "bird's eye")


def test_the_field_of_view_is_that_of_the_width() -> None:
    wide, square = client(2.0), client(1.0)
    for someone in (wide, square):
        place_camera(someone, Viewpoint((0.0, 0.0, 1.0), (1.0, 0.0, 1.0), 90.0))
    assert square.camera.fov == pytest.approx(math.radians(90))
    assert math.tan(wide.camera.fov / 2) == pytest.approx(0.5)


def test_a_page_of_a_broken_scene_alone(server: viser.ViserServer, tmp_path: Path) -> None:
    (tmp_path / "c.npz").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"c\.npz"):
        Page(server, find_scenes([tmp_path]))
