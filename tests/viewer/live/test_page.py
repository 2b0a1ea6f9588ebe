"""The page of a training, as a browser's side of it sees it."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import viser

from configs.static import PRESETS
from core.errors import UserError
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from core.serialization import load_state
from tests.page_client import PageClient, page_client
from tests.training.captures import tiny_capture, write_capture
from training.loop import FitResult
from training.static import StaticConfig, StaticTask
from training.train_static import train_static
from viewer.live.page import GuiConfig, LivePage, spectator_page
from viewer.live.watch import Watch

TINY = PRESETS["static-tiny"]
BUTTON = "pause"
"""Which later says resume."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(tmp_path_factory.mktemp("gui") / "blobs", tiny_capture())


class Training:
    """A training with a page, on its own thread, which waits before its first step; a block ends it."""

    def __init__(self, source: Path, run: Path, config: StaticConfig) -> None:
        self.result: FitResult | None = None
        self.watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, args=(source, run, config))

    def __enter__(self) -> "Training":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.watch is not None:
            self.watch.resume()
        self._thread.join(120)

    def _run(self, source: Path, run: Path, config: StaticConfig) -> None:
        with spectator_page(GuiConfig(gui=True, gui_port=0), run) as spectator:
            assert isinstance(spectator, Watch)
            self.watch = spectator
            spectator.pause()
            self.result = train_static(source, run, config, spectator)


def address(capfd: pytest.CaptureFixture[str]) -> str:
    """Where the page is, from what was told."""
    told, until = "", time.monotonic() + 60
    while "in a browser" not in told:
        assert time.monotonic() < until
        time.sleep(0.02)
        told += capfd.readouterr().err
    return told.split("http://")[1].split()[0]


def told(client: PageClient) -> str:
    """What the page says of the training now."""
    states = [
        str(message.get("props", {}).get("_markdown") or message.get("updates", {}).get("_markdown"))
        for message in client.heard
    ]
    return next((state for state in reversed(states) if "step" in state), "")


def step_of(state: str) -> int:
    return int(state.partition("step ")[2].split()[0].replace(",", "")) if "step " in state else 0


def wait_until(client: PageClient, state: str, least: int = 0) -> int:
    """Until the page says it, and of a step that is not too early; returns the step."""
    until = time.monotonic() + 60
    while state not in told(client) or step_of(told(client)) < least:
        assert time.monotonic() < until, (state, told(client))
        client.hear(1.0)
    return step_of(told(client))


@contextmanager
def looking(at: str) -> Iterator[PageClient]:
    with page_client(f"ws://{at}") as client:
        client.look((0.0, -0.8, -4.0), size=(64, 48))
        yield client


def test_pause_step_resume_and_the_same_bits(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = replace(TINY, schedule=ScheduleConfig(iterations=500))
    train_static(source, tmp_path / "alone", config)
    training = Training(source, tmp_path / "seen", config)
    with training, looking(address(capfd)) as client:
        client.wait_for_picture()
        assert wait_until(client, "**paused**") == 0
        pictures = client.pictures
        client.look((0.5, -0.8, -4.0), size=(64, 48))
        client.wait_for_picture(pictures)  # a camera that moves is answered while nothing trains
        for step in (1, 2):
            client.set("single step", True)
            assert wait_until(client, f"**paused** · step {step} ") == step
        client.set(BUTTON, True)
        wait_until(client, "**training**", least=3)
        client.set(BUTTON, True)
        wait_until(client, "**paused**", least=3)
    assert training.result is not None
    states = [
        load_state(RunFolder(tmp_path / name).checkpoint)["task"]["model"] for name in ("alone", "seen")
    ]
    for name, table in states[0].items():
        assert torch.equal(table, states[1][name]), name


def cameras_offered(client: PageClient) -> tuple[str, ...]:
    """The views among which one who looks can choose now."""
    offers = [
        message["props"] for message in client.heard if message.get("props", {}).get("label") == "camera"
    ]
    return tuple(offers[-1]["options"]) if offers else ()


def are_held(each: Iterable[Callable[[], object]]) -> bool:
    """Whether anything keeps any of what is referred to weakly."""
    gc.collect()
    return any(reference() is not None for reference in each)


def test_the_page_goes_on_with_the_next_clip(server: viser.ViserServer) -> None:
    """In a long drive, whose clips have views of their own."""
    capture = tiny_capture()
    other = replace(tiny_capture(3), image_names=("x.png", "y.png", "z.png"))
    current, ended = [StaticTask(TINY, capture, range(len(capture)), ())], threading.Event()
    page = LivePage(server, RunFolder(Path("run")))
    page.watch.pause()

    def train() -> None:
        while not ended.is_set():
            page.watch.between_steps(0, current[0])

    thread = threading.Thread(target=train)
    thread.start()
    try:
        with looking(f"127.0.0.1:{server.get_port()}") as client:
            client.wait_for_picture()
            assert cameras_offered(client) == ("free", *(f"{row}: {row:03d}.png" for row in range(6)))
            first = [
                weakref.ref(each) for each in (page._page, page._subject, current[0]) if each is not None
            ]
            current[0] = StaticTask(TINY, other, range(len(other)), ())
            until = time.monotonic() + 60
            while cameras_offered(client) != ("free", "0: x.png", "1: y.png", "2: z.png"):
                assert time.monotonic() < until, cameras_offered(client)
                client.hear(1.0)
            client.wait_for_picture(client.pictures)
            assert wait_until(client, "**paused**") == 0
            until = time.monotonic() + 20
            while are_held(first):
                assert time.monotonic() < until, first
                time.sleep(0.1)
    finally:
        ended.set()
        thread.join(60)
        page.close()


def test_nothing_is_opened_that_is_not_wished(tmp_path: Path) -> None:
    with spectator_page(GuiConfig(gui_host="no such host", gui_port=-1), tmp_path) as spectator:
        assert spectator is None


def test_a_port_that_is_none_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="port 70000"),
        spectator_page(GuiConfig(True, gui_port=70_000), tmp_path),
    ):
        raise AssertionError
