"""A file is whole or absent, and what goes wrong is told in a sentence."""

import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import UserError
from core.files import (
    atomic_write,
    explain,
    make_folder,
    read_json,
    remove_stale_parts,
    write_json,
    write_text,
)

ROOT = Path(__file__).resolve().parents[2]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    value = {"ä": [1, 2.5, None, "straße"], "b": {"c": True}}
    write_json(tmp_path / "new folder" / "x.json", value)
    assert read_json(tmp_path / "new folder" / "x.json") == value


def test_a_failure_inside_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "old")

    def fail() -> None:
        with atomic_write(tmp_path / "x.txt") as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == {"x.txt"}


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "old")
    with atomic_write(tmp_path / "x.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert temporary.suffix == ".txt"
        assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "old"
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == {"x.txt"}


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    def fill() -> None:
        with atomic_write(tmp_path / "x.bin") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"x\.bin: the disk is full; free some space"):
        fill()
    assert names(tmp_path) == set()


def test_a_file_in_the_place_of_a_folder_is_a_sentence(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "")
    with pytest.raises(UserError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "below")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_every_error_names_the_path(number: int) -> None:
    assert str(explain(OSError(number, "said"), Path("some/file"))).startswith("cannot write some/file: ")


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    die = (
        "import os, sys; from pathlib import Path; from core.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as temporary:\n"
        "    temporary.touch(); os.kill(os.getpid(), 9)"
    )
    below = tmp_path / "checkpoints"
    subprocess.run([sys.executable, "-c", die, str(below / "last.pt")], cwd=ROOT, check=False)
    assert len(names(below)) == 1
    (below / f".last.{os.getpid()}.part.pt").touch()  # of an earlier process that had our number
    kept = {f".last.{os.getppid()}.part.pt", "last.pt", ".hidden", ".a.part.txt", "x.99999999.part.pt"}
    for name in kept:
        (below / name).touch()
    remove_stale_parts(tmp_path)
    assert names(below) == kept


def test_what_another_thread_is_writing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a page does that records a video while a training begins its next stage."""
    monkeypatch.chdir(tmp_path)
    begun, removed = threading.Event(), threading.Event()

    def write() -> None:
        with atomic_write(Path("paths/path_001.mp4")) as temporary:
            temporary.write_text("half", encoding="utf-8")
            begun.set()
            removed.wait(20)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(20)
    remove_stale_parts(tmp_path)
    removed.set()
    thread.join(20)
    assert names(tmp_path / "paths") == {"path_001.mp4"}
    left = tmp_path / f".path_001.{os.getpid()}.part.mp4"
    left.touch()
    remove_stale_parts(tmp_path)
    assert not left.exists()


def test_text_that_is_no_json_is_a_sentence(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", "{")
    with pytest.raises(UserError, match="is not JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(UserError, match="cannot read"):
        read_json(tmp_path / "absent.json")


def test_threads_that_write_one_file_leave_a_whole_one(tmp_path: Path) -> None:
    """As two captures do that fill one cache."""
    path, contents = tmp_path / "image.txt", [letter * 200_000 for letter in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            list(pool.map(lambda text: write_text(path, text), contents))
    assert path.read_text(encoding="utf-8") in contents
    assert list(tmp_path.iterdir()) == [path]
