"""The same views are found whatever their order and files, and other captures are refused."""

from pathlib import Path

import pytest

from core.errors import UserError
from tests.viewer.comparison.written_runs import NAMES, write_run
from viewer.comparison.matching import Matched, match
from viewer.comparison.opening import open_runs


def matched(*paths: Path) -> Matched:
    return match(open_runs(paths)[0])


def test_views_are_matched_by_name_whatever_their_order_and_ending(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a").path
    as_inria = tuple(name.removesuffix(".jpg") for name in reversed(NAMES))
    found = matched(first, write_run(tmp_path / "b", as_inria).path)
    assert found.notes == ()
    assert tuple(view.name for view in found.views) == NAMES
    for place, view in enumerate(found.views):
        assert [each.render.stem for each in view.of_runs] == [f"{place:05d}", f"{3 - place:05d}"]


def test_views_that_only_some_have_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / "a", NAMES).path,
        write_run(tmp_path / "b", NAMES[1:]).path,
        write_run(tmp_path / "c", NAMES[::-1][:3]).path,
    ]
    found = matched(*paths)
    assert {view.name for view in found.views} == set(NAMES[1:])
    assert found.notes == ("Of the views (A 4, B 3, C 3) those 3 are compared that all runs have.",)


def test_folders_tell_cameras_of_a_rig_apart(tmp_path: Path) -> None:
    names = ("left/000.jpg", "right/000.jpg")
    runs = [write_run(tmp_path / letter, names).path for letter in "ab"]
    assert [view.name for view in matched(*runs).views] == list(names)


def test_without_names_the_order_serves(tmp_path: Path) -> None:
    named, other = write_run(tmp_path / "a").path, write_run(tmp_path / "b", named=False).path
    found = matched(named, other)
    assert tuple(view.name for view in found.views) == NAMES
    assert found.notes == (
        "Views are matched by their order, as B (b) has no cameras.json with their names.",
    )
    fewer = write_run(tmp_path / "c", NAMES[:3], named=False).path
    with pytest.raises(UserError, match="different numbers of views"):
        matched(named, fewer)


def test_photographs_may_differ_in_size_but_not_in_what_they_show(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a").path
    assert len(matched(first, write_run(tmp_path / "b", size=(24, 16)).path).views) == 4
    with pytest.raises(UserError, match="are runs of different captures"):
        matched(first, write_run(tmp_path / "c", place="elsewhere").path)
    with pytest.raises(UserError, match="have no views in common"):
        matched(first, write_run(tmp_path / "d", ("six.jpg",)).path)
