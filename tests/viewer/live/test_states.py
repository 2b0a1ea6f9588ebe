"""What is drawn of a task is what is drawn of the run that it leaves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from configs import dynamic, static, street
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from scene.exposure import ExposureConfig
from scene.street_points import StreetPointsConfig
from tests.training.captures import tiny_capture, write_capture
from tests.training.streets import write_log
from tests.training.videos import write_predicted
from training.gaussian_fit import RenderConfig
from training.task import Task
from training.train_dynamic import train_dynamic
from training.train_static import train_static
from training.train_street import train_street
from viewer.live.states import refresh, subject_of
from viewer.subject import ERROR, Picture, Subject, Wish
from viewer.subjects.opening import open_subject

LAST = 12
SCHEDULE = ScheduleConfig(iterations=LAST)


def train_a_capture(folder: Path, run: Path, spectator: Any) -> None:
    config = replace(
        static.PRESETS["static-tiny"],
        schedule=SCHEDULE,
        exposure=ExposureConfig(exposure=True),
        render=RenderConfig(white_background=True, antialiasing=True),
    )
    train_static(write_capture(folder, tiny_capture()), run, config, spectator)


def train_a_video(folder: Path, run: Path, spectator: Any) -> None:
    config = replace(dynamic.PRESETS["dynamic-tiny"], schedule=SCHEDULE)
    train_dynamic(write_predicted(folder), run, config, spectator)


def train_a_street(folder: Path, run: Path, spectator: Any) -> None:
    tiny = street.PRESETS["street-tiny"]
    config = replace(
        tiny,
        stride=3,
        static_iterations=6,
        points=StreetPointsConfig(street_points_near=200, street_points_far=200),
        fit=replace(tiny.fit, schedule=SCHEDULE),
        outputs=replace(tiny.outputs, videos=False),
    )
    train_street(write_log(folder), run, config, spectator)


TRAININGS: dict[str, Callable[[Path, Path, Any], None]] = {
    "static": train_a_capture,
    "dynamic": train_a_video,
    "street": train_a_street,
}


def pictures_of(subject: Subject) -> dict[tuple[str, str], Picture]:
    """All channels of a view, which needs its camera, and what a camera sees that never was there."""
    found, camera = {}, subject.views[1].camera
    time_s = subject.moments_s[1] if subject.moments_s else None
    for layer in subject.layers or ("",):
        wish = Wish(time_s=time_s, layer=layer)
        found["free", layer] = subject.draw(camera, wish)
        for channel in subject.channels:
            found[channel, layer] = subject.draw(camera, replace(wish, channel=channel, view=1))
    return found


class Last:
    """Follows a run from its beginning, and draws it after its last step."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.subject: Any = None
        self.pictures: dict[tuple[str, str], Picture] = {}
        self.places: list[torch.Tensor] = []

    @torch.no_grad()
    def between_steps(self, step: int, task: Task[Any]) -> bool:
        if self.subject is None:
            self.subject = subject_of(task, self.folder, step)
        refresh(self.subject, task, self.folder, step)
        if step == LAST:
            self.pictures = pictures_of(self.subject)
            self.places = [view.camera.viewmats for view in self.subject.views]
        return False


@pytest.mark.parametrize("name", TRAININGS)
def test_a_task_looks_like_the_run_that_it_leaves(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    last = Last(RunFolder(run))
    TRAININGS[name](tmp_path / "source", run, last)
    left = open_subject(run, "run")
    assert last.subject.channels == left.channels
    assert last.subject.moments_s == left.moments_s
    assert last.subject.count == left.count
    assert [view.trained for view in last.subject.views] == [view.trained for view in left.views]
    for place, view in zip(last.places, left.views, strict=True):
        torch.testing.assert_close(place, view.camera.viewmats, atol=1e-5, rtol=1e-5)
    for key, expected in pictures_of(left).items():
        if name == "dynamic" and key[0] == ERROR:
            continue  # is of a blurred picture in one, of a sharp one in the other
        differences = np.abs(last.pictures[key].astype(int) - expected.astype(int))
        assert np.mean(differences > 2) < 0.01, key
        assert expected.std() > 0 or key[1] == "moving", key
