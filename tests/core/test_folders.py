"""Folders are whole or absent, and a disk without room is told before it is full."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import UserError
from core.folders import atomic_folder, check_space, nearest_existing, remove


def test_a_folder_appears_as_a_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "images"
    for name in ("a", "b"):
        with atomic_folder(target) as folder:
            assert list(folder.iterdir()) == []
            (folder / name).touch()
            assert [path.name for path in target.parent.iterdir() if path != folder] == (
                [] if name == "a" else ["images"]
            )
        assert [path.name for path in target.iterdir()] == [name]
    assert [path.name for path in target.parent.iterdir()] == ["images"]


def test_what_is_to_be_lies_on_the_disk_of_the_first_folder_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    assert nearest_existing(tmp_path / "there") == tmp_path / "there"
    assert nearest_existing(Path("there/not/yet")) == tmp_path / "there"
    assert nearest_existing(Path("not")) == tmp_path


def test_what_fails_leaves_the_old_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "kept").touch()
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "images"):
        _ = 1 / 0
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["images", "images/kept"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".images.part").mkdir()
    (tmp_path / ".images.part" / "half").touch()
    with atomic_folder(tmp_path / "images") as folder:
        assert list(folder.iterdir()) == []


def test_removing(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("link", "file", "nothing"):
        remove(tmp_path / name)
    assert (tmp_path / "folder" / "inner").is_dir()  # a link's target stays
    remove(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000 * 2**20))
    check_space(tmp_path / "not" / "yet", 1000 * 2**20, "the frames")
    with pytest.raises(
        UserError,
        match=r"the frames will take about 1001 MiB in .*yet and 1000 MiB are free; free some space",
    ):
        check_space(tmp_path / "not" / "yet", 1001 * 2**20, "the frames")
    assert list(tmp_path.iterdir()) == []
