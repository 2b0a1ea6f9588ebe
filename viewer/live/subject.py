"""A run that is being trained, as a subject of a page."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.run_folder import RunFolder
from scene.cameras import Cameras
from scene.splats import Splats
from training.task import Task
from viewer.live.states import VisibleTask, refresh, subject_of
from viewer.live.watch import Watch
from viewer.subject import AT_VIEWS, ERROR, Extent, KnownView, Picture, Subject, Wish

ResultT = TypeVar("ResultT")


class LiveSubject:
    """Draws between the steps of a training, by the training's own thread.

    Args:
        watch: on a training that has begun.
        folder: of the run.

    Raises:
        UserError: the training has ended.
    """

    def __init__(self, watch: Watch, folder: RunFolder) -> None:
        self._watch, self._folder = watch, folder
        self._inner = watch.look(lambda task: subject_of(task, folder, watch.step))
        self._shown = watch.version
        self._names = tuple(view.name for view in self._inner.views)
        self.title: str = self._inner.title
        self.folder: Path | None = folder.path
        self.channels: tuple[str, ...] = self._inner.channels
        self.layers: tuple[str, ...] = self._inner.layers
        self.moments_s: tuple[float, ...] = self._inner.moments_s
        self.extent: Extent = self._inner.extent
        self.paths: Mapping[str, Float[ndarray, "P 3"]] = self._inner.paths

    @property
    def views(self) -> Sequence[KnownView]:
        """The cameras of its capture, where they were when it was drawn last."""
        return self._inner.views

    def is_of(self, task: Task[Any]) -> bool:
        """Whether a task, such as a later stage's, learns from the same views."""
        return isinstance(task, VisibleTask) and task.capture.image_names == self._names

    @property
    def count(self) -> int:
        """How many Gaussians there were when it was drawn last."""
        return self._inner.count

    @property
    def version(self) -> int:
        """Grows with every step."""
        return self._watch.version

    def photograph(self, view: int) -> UInt8[Tensor, "H W 3"] | None:
        """The image of a known view; nothing of it is trained."""
        return self._inner.photograph(view)

    def splats(self, wish: Wish) -> Splats:
        """A copy of the Gaussians.

        Raises:
            UserError: the training has ended, or gone on to other views.
        """
        return self._between_steps(lambda subject: subject.splats(wish).map(Tensor.clone))

    def draw(self, camera: Cameras, wish: Wish) -> Picture:
        """What one camera sees.

        Raises:
            UserError: the training has ended, or gone on to other views, or the back-end cannot draw.
        """
        if wish.view is not None and wish.channel in AT_VIEWS - {ERROR}:
            return self._inner.draw(camera, wish)  # of the capture alone
        return self._between_steps(lambda subject: subject.draw(camera, wish))

    def _between_steps(self, work: Callable[[Subject], ResultT]) -> ResultT:
        def look(task: Task[Any]) -> ResultT:
            if not self.is_of(task):
                raise UserError("the training has gone on to other views")
            if self._shown != self._watch.version:
                refresh(self._inner, task, self._folder, self._watch.step)
                self._shown = self._watch.version
            return work(self._inner)

        return self._watch.look(look)
