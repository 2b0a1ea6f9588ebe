"""The page of a training: the page of runs, above it how far the training is, with pause, resume and step."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from core.cli import flag
from core.errors import UserError
from core.run_folder import RunFolder
from training.spectator import Spectator
from training.task import Task
from viewer.live.gaps import Gaps
from viewer.live.subject import LiveSubject
from viewer.live.watch import Watch
from viewer.page import Page
from viewer.serving import page_server

if TYPE_CHECKING:
    import viser

_TOLD_EVERY_S = 0.5
_NOT_BEGUN = "The training has not begun yet."
_PAUSE, _RESUME, _STEP = "pause", "resume", "single step"


@dataclass(frozen=True)
class GuiConfig:
    """A page in a browser that shows the run while it trains. Nothing here changes the result."""

    gui: bool = False
    """Open it. Its address is told at once; on another computer it is reached through
    `ssh -L PORT:127.0.0.1:PORT HOST`."""
    gui_host: Annotated[str, flag("--ip")] = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets other computers in, if they know the token in the address."""
    gui_port: Annotated[int, flag("--port")] = 8080
    """Of the page; the next free one is taken where it is in use."""


@contextmanager
def spectator_page(config: GuiConfig, model_path: Path) -> Iterator[Spectator | None]:
    """What shows a training in a browser for the length of a block; None if that is not wished.

    Args:
        config: whether, and where.
        model_path: the run's folder.

    Raises:
        UserError: viser is not installed, or the server cannot listen there.
    """
    if not config.gui:
        yield None
        return
    with page_server(config.gui_host, config.gui_port, "Splatworks") as server:
        page = LivePage(server, RunFolder(model_path))
        try:
            yield page.watch
        finally:
            page.close()


class LivePage:
    """Waits for the training to begin, and shows it from then on.

    Args:
        server: that the page comes from.
        folder: of the run.
    """

    def __init__(self, server: "viser.ViserServer", folder: RunFolder) -> None:
        self._server, self._folder = server, folder
        self.gaps = Gaps()
        self.watch = Watch(self.gaps)
        self.state = server.gui.add_markdown(_NOT_BEGUN)
        self.pause = server.gui.add_button(_PAUSE)
        self.step = server.gui.add_button(_STEP, hint="Take one step, and wait after it.")
        self.pause.on_click(lambda _: self._pause_or_resume())
        self.step.on_click(lambda _: self._take_step())
        self._page: Page | None = None
        self._subject: LiveSubject | None = None
        self._steps_per_second = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The training has ended."""
        self._closed.set()
        self.watch.close()
        self._thread.join()
        if self._page is not None:
            self._page.close()

    def _pause_or_resume(self) -> None:
        if self.watch.is_paused:
            self.watch.resume()
        else:
            self.watch.pause()
        self._tell()

    def _take_step(self) -> None:
        self.watch.take_step()
        self._tell()

    def _run(self) -> None:
        while not self._closed.is_set():
            version = self.watch.version
            self._closed.wait(_TOLD_EVERY_S)
            self._steps_per_second = (self.watch.version - version) / _TOLD_EVERY_S
            task = self.watch.task
            if task is not None:
                with suppress(UserError):  # it has ended meanwhile, or goes on to yet another clip
                    self._show(task)
                self._tell()

    def _show(self, task: Task[Any]) -> None:
        """Have the page show a task: the first one, and in a long drive another clip's from time to time."""
        if self._subject is not None and self._subject.is_of(task):
            return
        self._subject = LiveSubject(self.watch, self._folder)
        if self._page is not None:
            self._page.close()
            for client in self._server.get_clients().values():
                client.gui.reset()
                client.scene.reset()
        self._page = Page(self._server, [self._subject])

    def _tell(self) -> None:
        """Say how far the training is."""
        told, label = self._state(), _RESUME if self.watch.is_paused else _PAUSE
        if self.state.content != told:
            self.state.content = told
        if self.pause.label != label:
            self.pause.label = label

    def _state(self) -> str:
        watch = self.watch
        if watch.task is None:
            return _NOT_BEGUN
        told = f"step {watch.step:,} of {watch.iterations:,}"
        if watch.is_paused:
            return f"**paused** · {told}"
        if watch.step >= watch.iterations:
            return f"**writing results** · {told}"
        return f"**training** · {told} · {self._steps_per_second:.3g} a second"
