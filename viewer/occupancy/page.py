"""The page's controls: scene, time, classes, places to look from."""

import math
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from core.errors import UserError
from scene.occupancy.classes import FREE
from scene.occupancy.look import distinct_names
from scene.occupancy.sequence import Occupancy
from scene.occupancy.stored import StoredScene
from scene.occupancy.viewpoints import Viewpoint, chase, driver, middle_of, overview
from viewer.occupancy.stage import Stage
from viewer.values import number

if TYPE_CHECKING:
    import viser

VIEWPOINTS = ("overview", "bird's eye", "driver", "chase")
"""Names of the places to look from, in the order of their buttons."""

_SLOWEST_FPS, _FASTEST_FPS = 1, 30


class Page:
    """Controls on the right, the scene on the left. Everyone who opens the page sees the same moment.

    Args:
        server: that the page comes from.
        scenes: to choose from; each is read when it is chosen.

    Raises:
        UserError: the first scene cannot be read.
    """

    def __init__(self, server: "viser.ViserServer", scenes: Sequence[StoredScene]) -> None:
        self._server = server
        self._scenes = dict(zip(distinct_names(scenes), scenes, strict=True))
        # Callbacks come on threads of the server's.
        self._lock = threading.RLock()
        self._class_controls: list[viser.GuiInputHandle[bool] | viser.GuiHtmlHandle] = []
        first = next(iter(self._scenes))
        occupancy = self._scenes[first].read()
        self.stage = Stage(server, occupancy)
        gui = server.gui
        self.scene = gui.add_dropdown("scene", tuple(self._scenes), initial_value=first)
        self.time = gui.add_slider("frame", 0, max(1, len(occupancy) - 1), 1, 0)
        self.playing = gui.add_checkbox("play", len(occupancy) > 1)
        rate = min(max(round(1 / occupancy.seconds_per_frame), _SLOWEST_FPS), _FASTEST_FPS)
        self.fps = gui.add_slider("frames per second", _SLOWEST_FPS, _FASTEST_FPS, 1, rate)
        self.viewpoint = gui.add_button_group("look from", VIEWPOINTS)
        self.message = gui.add_markdown("")
        self._classes = gui.add_folder("classes")
        self.class_shown: dict[int, viser.GuiInputHandle[bool]] = {}
        self._set_up(occupancy)
        self.scene.on_update(lambda _: self.choose(self.scene.value))
        self.time.on_update(lambda _: self.show(self.time.value))
        self.viewpoint.on_click(self._move_camera)
        server.on_client_connect(lambda client: place_camera(client, self._viewpoint("overview")))

    def show(self, frame: int) -> None:
        """Show a frame of the chosen scene."""
        with self._lock:
            self.stage.show(min(max(int(frame), 0), len(self.stage.occupancy) - 1))

    def choose(self, name: str) -> None:
        """Show another scene from its first frame; one that cannot be read leaves the old one, and a note."""
        with self._lock:
            try:
                occupancy = self._scenes[name].read()
            except UserError as error:
                self.message.content = f"**{error}**"
                return
            self.message.content = ""
            self.stage.clear()
            self.stage = Stage(self._server, occupancy)
            self.time.max = max(1, len(occupancy) - 1)
            self.time.value = 0
            self._set_up(occupancy)

    def play(self, stop: threading.Event) -> None:
        """Go on from frame to frame, as fast as is asked for, until the event is set."""
        while not stop.wait(1 / number(self.fps.value, _SLOWEST_FPS, _FASTEST_FPS)):
            if self.playing.value:
                self.advance()

    def advance(self) -> None:
        """The next frame; after the last comes the first."""
        with self._lock:
            frame = (self.time.value + 1) % len(self.stage.occupancy)
            self.time.value = frame
            self.show(frame)

    def _set_up(self, occupancy: Occupancy) -> None:
        """The legend with its switches, and the first frame."""
        for control in self._class_controls:
            control.remove()
        self._class_controls.clear()
        self.class_shown.clear()
        meaning = occupancy.class_set
        with self._classes:
            for each in torch.unique(occupancy.classes).tolist():
                if each == FREE:
                    continue
                bar = self._server.gui.add_html(_colour_bar(meaning.colours[each]))
                switch = self._server.gui.add_checkbox(meaning.names[each], True)
                switch.on_update(self._switch(each, switch))
                self.class_shown[each] = switch
                self._class_controls += [bar, switch]
        self.stage.show(0)

    def _switch(self, each: int, switch: "viser.GuiInputHandle[bool]") -> Callable[[object], None]:
        def switched(_: object) -> None:
            with self._lock:
                self.stage.hide(each, not switch.value)

        return switched

    def _viewpoint(self, name: str) -> Viewpoint:
        occupancy, frame = self.stage.occupancy, min(self.time.value, len(self.stage.occupancy) - 1)
        if name == "bird's eye":
            x, y = middle_of(occupancy.grid)
            height = 1.1 * max(occupancy.grid.size[0] * occupancy.grid.voxel_m[0], 10)
            # A hair behind the middle: a camera that looks straight down does not know where up is.
            return Viewpoint((x - 0.01 * height, y, height), (x, y, 0.0))
        return {"overview": overview, "driver": driver, "chase": chase}[name](occupancy, frame)

    def _move_camera(self, event: "viser.GuiEvent[viser.GuiButtonGroupHandle]") -> None:
        clients = [event.client] if event.client else list(self._server.get_clients().values())
        for client in clients:
            place_camera(client, self._viewpoint(self.viewpoint.value))


def place_camera(client: "viser.ClientHandle", viewpoint: Viewpoint) -> None:
    """Move the camera of one who looks at the page."""
    with client.atomic():
        client.camera.position = viewpoint.position_m
        client.camera.look_at = viewpoint.target_m
        client.camera.up_direction = (0.0, 0.0, 1.0)
        # The page's field of view is that of its height, and its shape is the window's.
        half_width = math.tan(math.radians(viewpoint.field_of_view_deg) / 2)
        client.camera.fov = 2 * math.atan(half_width / max(client.camera.aspect, 1.0))


def run_page(server: "viser.ViserServer", scenes: Sequence[StoredScene], stop: threading.Event) -> None:
    """Serve the page until the event is set, and say where it is.

    Raises:
        UserError: the first scene cannot be read.
    """
    page = Page(server, scenes)
    page.play(stop)


def _colour_bar(colour: tuple[int, int, int]) -> str:
    red, green, blue = colour
    style = f"height:5px;margin:6px 12px 0 12px;border-radius:3px;background:rgb({red},{green},{blue})"
    return f'<div style="{style}"></div>'
