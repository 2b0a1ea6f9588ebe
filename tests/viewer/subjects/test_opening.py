"""Folders become subjects, with names that tell them apart."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.schedules import ScheduleConfig
from tests.training.captures import tiny_capture, write_capture
from tests.training.test_street_runs import make_run
from training.static import StaticConfig
from training.train_static import train_static
from viewer.subject import Wish
from viewer.subjects.opening import is_run, open_subject, titles
from viewer.subjects.street import StreetSubject
from viewer.subjects.trained import TrainedSubject

PARTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@given(st.lists(PARTS, min_size=1, max_size=5, unique=True))
def test_titles_tell_runs_apart(paths: list[Path]) -> None:
    names = titles(paths)
    assert len(set(names)) == len(paths)
    assert all(str(path).endswith(name) for path, name in zip(paths, names, strict=True))


def test_titles_are_short() -> None:
    assert titles([Path("/x/a"), Path("/x/b")]) == ["a", "b"]
    assert titles([Path("/x/run"), Path("/y/run")]) == ["x/run", "y/run"]
    with pytest.raises(UserError, match="twice"):
        titles([Path("a"), Path("b"), Path("a")])


def test_runs_of_two_methods(tmp_path: Path) -> None:
    source = write_capture(tmp_path / "source", tiny_capture())
    train_static(source, tmp_path / "run", StaticConfig(schedule=ScheduleConfig(iterations=2)))
    assert is_run(tmp_path / "run")
    assert not is_run(source)
    still = open_subject(tmp_path / "run", "still")
    assert isinstance(still, TrainedSubject)
    assert still.draw(still.views[0].camera, Wish()).shape == (24, 32, 3)
    street = open_subject(make_run(tmp_path / "street"), "street")
    assert isinstance(street, StreetSubject)


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        open_subject(tmp_path, "nothing")
