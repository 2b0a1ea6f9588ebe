"""Controls show what a subject has, and nothing else."""

import pytest
import viser

from core.errors import UserError
from tests.training.captures import ring, truth
from tests.viewer.subjects.splats import SplatSubject
from viewer.controls import DrawingControls, RunControls, TimeControls, ViewControls
from viewer.screens import Shown
from viewer.subject import Wish


@pytest.fixture
def gui(server: viser.ViserServer) -> viser.GuiApi:
    return server.gui


def test_a_still_subject_has_no_time(gui: viser.GuiApi) -> None:
    subject = SplatSubject(truth(), ring(3))
    times = TimeControls(gui, subject)
    assert not times.folder.visible
    assert times.time_s is None
    assert times.part == ""
    assert ViewControls(gui, subject).play.visible


def test_time_is_that_of_a_frame(gui: viser.GuiApi) -> None:
    subject = SplatSubject(truth(), ring(3))
    subject.moments_s, subject.layers = (0.0, 0.2, 0.4), ("all", "still")
    times = TimeControls(gui, subject)
    assert times.rate == 5
    times.frame.value = 2
    times.layer.value = "still"
    assert (times.time_s, times.part) == (0.4, "still")
    assert not ViewControls(gui, subject).play.visible, "time is what plays"


def test_one_run_has_none_beside(gui: viser.GuiApi) -> None:
    runs = RunControls(gui, ["a"])
    assert not runs.run.visible
    assert not runs.beside.visible
    assert (runs.chosen, runs.compared) == (0, None)
    several = RunControls(gui, ["a", "b"])
    several.beside.value = "b"
    assert several.compared == 1
    several.run.value = "b"
    assert (several.chosen, several.compared) == (1, None), "not beside itself"


def test_what_was_drawn_and_what_went_wrong(gui: viser.GuiApi) -> None:
    runs, subject = RunControls(gui, ["a"]), SplatSubject(truth(), ring(3))
    runs.tell(subject, Shown((640, 360), 31.4, 0.02))
    assert "**24** Gaussians" in runs.facts.content
    assert "640×360" in runs.facts.content
    assert "31 frames/s" in runs.facts.content
    runs.warn(str(UserError("broken")))
    assert runs.note.visible
    runs.tell(subject, Shown((640, 360), 0.0, 0.02))
    assert "20 ms" in runs.facts.content
    assert not runs.note.visible


def test_untouched_controls_wish_for_nothing(gui: viser.GuiApi) -> None:
    drawing = DrawingControls(gui, SplatSubject(truth(), ring(3)))
    assert drawing.wish("render", None, "", None) == Wish()
