"""Which runs can be compared at all, and by which of their views."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from tests.evaluation.conftest import add_masks, make_run
from tests.viewer.comparison.written_runs import write_run
from viewer.comparison.opening import open_runs, told_apart

PARTS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)


@given(st.lists(PARTS, min_size=1, max_size=5, unique_by=tuple))
def test_names_are_ends_of_paths_and_all_different(parts: list[list[str]]) -> None:
    paths = [Path("/", *each) for each in parts]
    names = told_apart(paths)
    assert len(set(names)) == len(names)
    for path, name in zip(paths, names, strict=True):
        assert str(path).endswith(name)
    if len({path.name for path in paths}) == len(paths):
        assert names == [path.name for path in paths]


def test_runs_have_letters_and_their_held_out_views(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / name).path for name in ("long", "short", "other")]
    runs, views = open_runs(paths)
    assert views == "test"
    assert [(run.letter, run.name) for run in runs] == [("A", "long"), ("B", "short"), ("C", "other")]
    assert all(len(run.views) == 4 for run in runs)


def test_training_views_serve_where_none_was_held_out(tmp_path: Path) -> None:
    trained = [write_run(tmp_path / name, views="train").path for name in ("a", "b")]
    runs, views = open_runs(trained)
    assert views == "train"
    assert all(len(run.views) == 4 for run in runs)
    held_out = write_run(tmp_path / "c").path
    with pytest.raises(UserError, match=re.escape(f"{trained[0]} has no rendered held-out views")):
        open_runs([held_out, trained[0]])


def test_of_videos_all_runs_are_drawn_in_the_same_way(tmp_path: Path) -> None:
    whole = add_masks(make_run(tmp_path / "a", views=1)).path
    plain = add_masks(make_run(tmp_path / "b", views=1), others=False).path
    other = add_masks(make_run(tmp_path / "c", views=1)).path
    for pair, folder in (((whole, other), "test_refined"), ((whole, plain), "test")):
        runs, _ = open_runs(pair)
        drawn = {
            view.render.relative_to(run.folder.path).parts[0] for run in runs for view in run.views.values()
        }
        assert drawn == {folder}


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a").path
    with pytest.raises(UserError, match="2 to 26 runs were expected, 1 given"):
        open_runs([run])
    with pytest.raises(UserError, match="is given twice"):
        open_runs([run, tmp_path / "b" / ".." / "a"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "void").mkdir()
    with pytest.raises(UserError, match="has no rendered views"):
        open_runs([tmp_path / "empty", tmp_path / "void"])
