"""Images come into their place as whole folders, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from bulk.staging import staged
from core.run_folder import RunFolder
from tests.training.test_mask_files import tiny_run


def fill(folder: RunFolder, kind: str, text: str) -> None:
    place = folder.path / "test" / "ours_60" / kind
    place.mkdir(parents=True, exist_ok=True)
    (place / "00000.png").write_text(text, encoding="utf-8")


def test_folders_replace_those_of_their_name_and_no_others(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    fill(run.folder, "renders", "old")
    (tmp_path / "test" / "ours_60" / "renders" / "00009.png").touch()
    fill(run.folder, "depth", "kept")
    with staged(run, "render") as place:
        fill(place.folder, "renders", "new")
        assert run.folder.images("test", 60, "renders").joinpath("00000.png").read_text() == "old"
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert left == ["test/ours_60/depth/00000.png", "test/ours_60/renders/00000.png"]
    assert (tmp_path / "test" / "ours_60" / "renders" / "00000.png").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


def test_what_fails_or_was_killed_leaves_nothing(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    fill(replace(run, folder=RunFolder(tmp_path / ".render.part")).folder, "gt", "of a killed process")

    def fail() -> None:
        with staged(run, "render") as place:
            assert not place.folder.path.exists()
            fill(place.folder, "renders", "half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert list(tmp_path.iterdir()) == []
