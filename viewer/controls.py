"""The controls of one who looks at runs: what is shown, from where, when, and how."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viewer.screens import Shown
from viewer.subject import Extent, Subject, Wish
from viewer.values import choice, crop_box, number, whole

if TYPE_CHECKING:
    import viser

FREE = "free"
"""The choice of the camera that stands in no view's place."""

NOTHING = "nothing"
"""The choice of no run beside."""

_LEAST_SCALE, _MOST_SCALE = 0.05, 2.0
_LEAST_HEIGHT, _MOST_HEIGHT, _HEIGHT = 180, 1440, 720
_MOST_FPS = 30
_MOST_SHIFT = 5.0
_STEPS = 100  # of a side of the crop


class RunControls:
    """Which run is seen, and which beside it; what was drawn, and what went wrong.

    Args:
        gui: of one browser.
        titles: of the runs.
    """

    def __init__(self, gui: "viser.GuiApi", titles: Sequence[str]) -> None:
        self._titles = tuple(titles)
        self._told = ""
        self.facts = gui.add_markdown("")
        self.note = gui.add_markdown("", visible=False)
        several = len(titles) > 1
        self.run = gui.add_dropdown("run", self._titles, visible=several)
        self.beside = gui.add_dropdown(
            "beside",
            (NOTHING, *titles),
            visible=several,
            hint="The right part of the picture shows this run.",
        )
        self.divider = gui.add_slider("divider", 0.0, 1.0, 0.01, 0.5, visible=False)

    @property
    def chosen(self) -> int:
        """The run that is seen."""
        return self._titles.index(choice(self.run.value, self._titles))

    @property
    def compared(self) -> int | None:
        """The run beside it; None where there is none, or it is the same."""
        other = choice(self.beside.value, (NOTHING, *self._titles))
        return None if other in (NOTHING, self._titles[self.chosen]) else self._titles.index(other)

    @property
    def share(self) -> float:
        """Of the width: where the run beside begins."""
        return number(self.divider.value, 0.0, 1.0)

    def tell(self, subject: Subject, shown: Shown) -> None:
        """Say what was drawn."""
        rate = f"{shown.per_second:.0f} frames/s" if shown.per_second else f"{1000 * shown.seconds:.0f} ms"
        told = f"**{subject.count:,}** Gaussians · {shown.size[0]}×{shown.size[1]} · {rate}"
        if told != self._told:
            self._told = self.facts.content = told
        self.warn(None)

    def warn(self, problem: str | None) -> None:
        """Say what went wrong; None = nothing."""
        if self.note.visible != (problem is not None):
            self.note.visible = problem is not None
        if problem is not None and self.note.content != f"**{problem}**":
            self.note.content = f"**{problem}**"


class ViewControls:
    """What is shown, and in the place of which camera.

    Args:
        gui: of one browser.
        subject: that it looks at.
    """

    def __init__(self, gui: "viser.GuiApi", subject: Subject) -> None:
        self._channels = subject.channels
        names = [f"{row}: {view.name}" for row, view in enumerate(subject.views)]
        self._choices = (FREE, *names)
        self.folder = gui.add_folder("view")
        with self.folder:
            self.channel = gui.add_dropdown("show", subject.channels)
            self.view = gui.add_dropdown("camera", self._choices, hint="Stand in the place of a camera.")
            self.step = gui.add_button_group("views", ("previous", "next"), visible=bool(names))
            self.play = gui.add_checkbox("play views", False, visible=bool(names) and not subject.moments_s)
            self.frustums = gui.add_checkbox("show cameras", True, visible=bool(names))

    def stand(self, view: int | None) -> None:
        """Say in whose place the camera is."""
        wanted = FREE if view is None else self._choices[view + 1]
        if self.view.value != wanted:
            self.view.value = wanted

    @property
    def standing(self) -> int | None:
        """The chosen view; None = free."""
        place = self._choices.index(choice(self.view.value, self._choices))
        return None if place == 0 else place - 1

    @property
    def shown(self) -> str:
        """The chosen channel."""
        return choice(self.channel.value, self._channels)


class TimeControls:
    """When, which part, and how far beside the path: of a subject in which things move.

    Args:
        gui: of one browser.
        subject: that it looks at.
    """

    def __init__(self, gui: "viser.GuiApi", subject: Subject) -> None:
        self._moments, self._layers = subject.moments_s, subject.layers
        gaps = sorted(b - a for a, b in zip(self._moments, self._moments[1:], strict=False))
        rate = whole(1 / max(gaps[len(gaps) // 2], 1e-3), 1, _MOST_FPS) if gaps else 10
        moves = len(self._moments) > 1
        self.folder = gui.add_folder("time", visible=moves or bool(self._layers))
        with self.folder:
            self.frame = gui.add_slider("frame", 0, max(1, len(self._moments) - 1), 1, 0, visible=moves)
            self.play = gui.add_checkbox("play", False, visible=moves)
            self.fps = gui.add_slider("frames per second", 1, _MOST_FPS, 1, rate, visible=moves)
            self.layer = gui.add_dropdown("layer", self._layers or ("",), visible=bool(self._layers))
            self.shift = gui.add_slider(
                "shift to the left",
                -_MOST_SHIFT,
                _MOST_SHIFT,
                0.1,
                0.0,
                visible=moves,
                hint="How far beside a camera of the capture, in its world's units.",
            )

    @property
    def moment(self) -> int:
        """The frame."""
        return whole(self.frame.value, 0, max(0, len(self._moments) - 1))

    @property
    def time_s(self) -> float | None:
        """When; None where nothing moves."""
        return self._moments[self.moment] if self._moments else None

    @property
    def part(self) -> str:
        """The layer."""
        return choice(self.layer.value, self._layers)

    @property
    def rate(self) -> float:
        """Frames a second while it plays."""
        return number(self.fps.value, 1, _MOST_FPS)

    @property
    def left(self) -> float:
        """How far to the left."""
        return number(self.shift.value, -_MOST_SHIFT, _MOST_SHIFT)


class DrawingControls:
    """How Gaussians are drawn.

    Args:
        gui: of one browser.
        subject: that it looks at.
    """

    def __init__(self, gui: "viser.GuiApi", subject: Subject) -> None:
        extent = subject.extent
        self._low, self._high = _wider(extent)
        self.folder = gui.add_folder("Gaussians", expand_by_default=False)
        with self.folder:
            self.scale = gui.add_slider("scale", _LEAST_SCALE, _MOST_SCALE, 0.05, 1.0)
            self.sh_degree = gui.add_slider("SH degree", 0, 3, 1, 3, hint="How colours depend on direction.")
            self.height = gui.add_slider("picture height", _LEAST_HEIGHT, _MOST_HEIGHT, 20, _HEIGHT)
            self.in_browser = gui.add_checkbox(
                "drawn by the browser",
                False,
                hint="Smooth on slow connections; one colour a Gaussian, and no other channels.",
            )
            self.sides = [
                gui.add_multi_slider(f"crop {axis}", low, high, (high - low) / _STEPS, (low, high))
                for axis, low, high in zip("xyz", self._low, self._high, strict=True)
            ]

    def wish(self, channel: str, time_s: float | None, layer: str, view: int | None) -> Wish:
        """What is wished, as far as these controls say it."""
        crop = crop_box([side.value for side in self.sides], self._low, self._high)
        scale = number(self.scale.value, _LEAST_SCALE, _MOST_SCALE)
        return Wish(channel, scale, whole(self.sh_degree.value, 0, 3), crop, time_s, layer, view)

    @property
    def most_height(self) -> int:
        """Of a picture at rest, pixels."""
        return whole(self.height.value, _LEAST_HEIGHT, _MOST_HEIGHT)


def _wider(extent: Extent) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Corners a quarter of a side beyond those of an extent, on numbers that sliders show shortly."""
    corners: list[tuple[float, float]] = []
    for low, high in zip(extent.low, extent.high, strict=True):
        margin = 0.25 * (high - low)
        digits = 2 if high - low > 1 else 5
        corners.append((round(low - margin, digits), round(high + margin, digits)))
    (x0, x1), (y0, y1), (z0, z1) = corners
    return (x0, y0, z0), (x1, y1, z1)
