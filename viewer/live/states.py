"""What a task has learned so far, in the form in which finished runs are shown. Nothing is copied."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from core.run_folder import RunFolder
from scene.splits import Split
from training.dynamic import DynamicTask
from training.runs import TrainedRun
from training.static import StaticTask
from training.street import StreetTask
from training.street_views import TrainedStreet
from training.task import Task
from viewer.subjects.street import StreetSubject
from viewer.subjects.trained import TrainedSubject

VisibleTask = StaticTask | DynamicTask | StreetTask
"""Tasks of the methods that learn Gaussians."""


def run_of(task: StaticTask | DynamicTask, folder: RunFolder, step: int) -> TrainedRun:
    """A task of the static or the dynamic method as a run.

    The blur of a moving camera is left out: to find its paths anew takes longer than many steps.

    Args:
        task: between two steps.
        folder: of the run.
        step: the last one taken.
    """
    capture, exposures = task.capture, None
    if isinstance(task, DynamicTask):
        capture = replace(capture, cameras=task.cameras())
    if isinstance(task, DynamicTask) and (transforms := task.held_out_exposures()) is not None:
        exposures = dict(zip(capture.image_names, transforms, strict=True))
    elif isinstance(task, StaticTask) and task.exposures is not None:
        exposures = dict(zip(task.exposures.names, task.exposures.transforms.detach(), strict=True))
    return TrainedRun(
        folder=folder,
        source=folder.path,
        config=task.config,
        capture=capture,
        split=Split(task.views.views, task.test, "as it trains"),
        iteration=step,
        splats=task.model.splats().map(Tensor.detach),
        background=task.fit.background,
        antialiased=task.config.render.antialiasing,
        exposures=exposures,
        blurred_by=task.capture.cameras,
    )


def street_of(task: StreetTask, folder: RunFolder, step: int) -> TrainedStreet:
    """A task of the street method as a street.

    Args:
        task: between two steps.
        folder: of the run.
        step: the last one taken.
    """
    scene = task.scene()
    return TrainedStreet(
        folder, step, scene, scene.placed(task.capture), Split(task.train, task.test, "as it trains")
    )


def subject_of(task: Task[Any], folder: RunFolder, step: int) -> TrainedSubject | StreetSubject:
    """A task as a subject of a page."""
    title = folder.path.absolute().name
    if isinstance(task, StreetTask):
        return StreetSubject(street_of(task, folder, step), title)
    assert isinstance(task, StaticTask | DynamicTask)  # the methods that learn Gaussians
    return TrainedSubject(run_of(task, folder, step), title, task.config.render.backend)


def refresh(subject: TrainedSubject | StreetSubject, task: Task[Any], folder: RunFolder, step: int) -> None:
    """Have a subject show what the task has learned since."""
    if isinstance(subject, StreetSubject) and isinstance(task, StreetTask):
        subject.show(street_of(task, folder, step))
    elif isinstance(subject, TrainedSubject) and isinstance(task, StaticTask | DynamicTask):
        subject.show(run_of(task, folder, step))
