"""What was never finished goes, and nothing else."""

from pathlib import Path

from bulk.leftovers import leftovers, remove_leftovers
from core.files import atomic_write
from core.folders import atomic_folder


def test_what_our_writers_leave_is_found(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a" / "mask.png") as file:
        file.touch()
        assert leftovers(tmp_path) == [file]
    with atomic_folder(tmp_path / "renders") as folder:
        (folder / "00000.png").touch()
        assert leftovers(tmp_path) == [folder]
    assert leftovers(tmp_path) == []


def test_only_they_are_removed(tmp_path: Path) -> None:
    for name in (".image.12.part.png", ".config.1.part"):
        (tmp_path / name).touch()
    (tmp_path / ".renders.part").mkdir()
    (tmp_path / ".renders.part" / "x").touch()
    kept = [tmp_path / name for name in ("a.part", ".hidden", "image.png", ".x.part")]
    for path in kept:
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    remove_leftovers(tmp_path / "none")
