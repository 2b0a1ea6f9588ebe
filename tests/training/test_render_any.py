"""What excludes what, whichever kind of run it is; the rendering itself has its own tests."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_json
from scene.trajectories import PathName
from training.render_any import render_any
from training.rendering import GaussiansFile, RenderOptions
from training.street_rendering import StreetRenderOptions

NOTHING = GaussiansFile()


def refused(
    run: Path | None, file: GaussiansFile, street: StreetRenderOptions, path: PathName | None = None
) -> str:
    with pytest.raises(UserError) as error:
        render_any(run, file, RenderOptions(), street, path=path)
    return str(error.value)


def test_a_run_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    file = GaussiansFile(ply=tmp_path / "some.ply")
    assert "exclude each other" in refused(tmp_path, file, StreetRenderOptions())


def test_edits_need_a_driving_log(tmp_path: Path) -> None:
    edit = StreetRenderOptions(without_track=("car",))
    for run in (None, tmp_path):
        assert "need -m RUN of a driving log" in refused(run, NOTHING, edit)


def test_a_driving_log_has_its_own_paths(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"method": "street"})
    assert "two new paths" in refused(tmp_path, NOTHING, StreetRenderOptions(), "orbit")


def test_without_anything_the_file_is_asked_for() -> None:
    assert "-m RUN" in refused(None, NOTHING, StreetRenderOptions())
