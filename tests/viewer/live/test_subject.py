"""Drawn between steps: a run that was looked at ends with the same bits as one that was not."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.run_folder import RunFolder
from scene.datasets import open_log
from tests.training.captures import tiny_capture
from tests.training.streets import write_log
from tests.training.test_dynamic import BASE as DYNAMIC
from tests.training.test_dynamic import video
from tests.training.test_static import BASE as STATIC
from tests.training.test_static import assert_equal_states
from tests.training.test_street import task_of
from training.dynamic import DynamicTask
from training.static import StaticTask
from training.task import Stepper, Task
from viewer.live.gaps import Gaps
from viewer.live.subject import LiveSubject
from viewer.live.watch import Watch
from viewer.subject import PHOTOGRAPH, Subject, Wish

STEPS = 24
TRAIN, TEST = (1, 2, 3, 4, 5), (0,)
UNBOUNDED = 1e9


def still(_: Path) -> Task[Any]:
    return StaticTask(STATIC, tiny_capture(), TRAIN, TEST)


def moving(_: Path) -> Task[Any]:
    return DynamicTask(DYNAMIC, video(), TRAIN, TEST)


def driving(folder: Path) -> Task[Any]:
    return task_of(open_log(write_log(folder / "log")), encoder="hash")


TASKS: dict[str, Callable[[Path], Task[Any]]] = {"static": still, "dynamic": moving, "street": driving}


class Onlooker:
    """Draws whatever there is, and asks for all of it again as long as it is there."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.drawn = 0
        self.versions: set[int] = set()
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Onlooker":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._gone.set()
        self.watch.close()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            subject = LiveSubject(self.watch, RunFolder(Path("run")))
            while not self._gone.is_set():
                for wish in wishes(subject):
                    picture = subject.draw(subject.views[0].camera, wish)
                    assert picture.dtype == np.uint8
                    self.versions.add(subject.version)
                    self.drawn += 1
                subject.splats(Wish(scale=0.5))
        except UserError:
            assert self._gone.is_set()  # that the training has ended is told


def wishes(subject: Subject) -> list[Wish]:
    times = subject.moments_s[:1] or (None,)
    whole = [Wish(channel, view=0, time_s=times[0]) for channel in subject.channels]
    low, high = subject.extent.low, subject.extent.high
    middle = (low[0] + high[0]) / 2
    return [*whole, Wish(scale=2.0, sh_degree=0, time_s=times[0], crop=(low, (middle, high[1], high[2])))]


def trained(task: Task[Any], watch: Watch | None, ready: Callable[[int], bool]) -> None:
    batches = task.batches(1)
    for step in range(1, STEPS + 1):
        task.step(step, next(batches), Stepper())
        while watch is not None and (watch.between_steps(step, task) or not ready(step)):
            pass


@pytest.mark.parametrize("name", TASKS)
def test_who_looks_on_changes_nothing(name: str, tmp_path: Path) -> None:
    plain, seen = TASKS[name](tmp_path / "a"), TASKS[name](tmp_path / "b")
    torch.manual_seed(1)
    trained(plain, None, lambda _: True)
    expected = torch.rand(1)
    torch.manual_seed(1)
    watch = Watch(Gaps(share=UNBOUNDED))
    with Onlooker(watch) as onlooker:
        trained(seen, watch, lambda step: onlooker.drawn >= step)
        assert torch.equal(torch.rand(1), expected)
    assert onlooker.drawn >= STEPS
    assert len(onlooker.versions) > STEPS / 2
    assert_equal_states(plain.state_dict(), seen.state_dict())


def answered(watch: Watch, task: Task[Any], work: Callable[[], Any]) -> Any:
    """What another thread gets from a task that is between two steps."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        while not future.done():
            watch.between_steps(1, task)
        return future.result()


def test_gaussians_for_browsers_are_copies() -> None:
    task, watch = still(Path()), Watch(Gaps(share=UNBOUNDED))
    splats = answered(watch, task, lambda: LiveSubject(watch, RunFolder(Path("run"))).splats(Wish()))
    assert isinstance(task, StaticTask)
    before = task.model.splats().means.detach().clone()
    with torch.no_grad():
        task.model.parameters["means"] += 1
    assert torch.equal(splats.means, before)


def test_another_clip_is_another_subject() -> None:
    task, watch = still(Path()), Watch(Gaps(share=UNBOUNDED))
    subject = answered(watch, task, lambda: LiveSubject(watch, RunFolder(Path("run"))))
    capture = tiny_capture()
    others = tuple(f"other_{name}" for name in capture.image_names)
    assert subject.is_of(still(Path()))
    assert not subject.is_of(StaticTask(STATIC, replace(capture, image_names=others), TRAIN, TEST))
    assert subject.title == "run"


def test_what_is_not_trained_is_shown_at_any_time() -> None:
    task, watch = still(Path()), Watch(Gaps(share=UNBOUNDED))
    subject = answered(watch, task, lambda: LiveSubject(watch, RunFolder(Path("run"))))
    watch.close()  # no gap is opened any more
    camera, photograph = subject.views[2].camera, tiny_capture().images[2].numpy()
    assert np.array_equal(subject.draw(camera, Wish(PHOTOGRAPH, view=2)), photograph)
    with pytest.raises(UserError, match="the training has ended"):
        subject.draw(camera, Wish(view=2))
