"""Items are made once, in the background, and nobody waits for what they did not ask for."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import UserError
from core.images import write_png
from scene.images import Column, Prefetched, read_header

SOON_S = 30  # how long a thread may take to get going on a busy machine


def wait_until(condition: threading.Event) -> None:
    assert condition.wait(SOON_S)


def test_items_keep_their_places() -> None:
    items = Prefetched([lambda value=value: value * 10 for value in range(20)], threads=3)
    assert len(items) == 20
    assert list(items) == [value * 10 for value in range(20)]
    assert items[-1] == 190
    assert items[3:6] == [30, 40, 50]
    with pytest.raises(IndexError):
        items[20]


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_each_item_is_made_once(threads: int) -> None:
    made: list[int] = []
    items = Prefetched([lambda value=value: made.append(value) or value for value in range(30)], threads)
    readers = [threading.Thread(target=lambda: list(items)) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert sorted(made) == list(range(30))


def test_threads_work_ahead() -> None:
    last = threading.Event()
    items = Prefetched([lambda: None, lambda: None, last.set], threads=1)
    wait_until(last)
    assert len(items) == 3


def test_an_item_does_not_wait_for_those_before_it() -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        wait_until(release)
        return "slow"

    items = Prefetched([slow, lambda: "later", lambda: "asked"], threads=1)
    wait_until(begun)
    assert items[2] == "asked"
    release.set()
    assert items[0] == "slow"


def test_an_error_is_raised_where_its_item_is_asked_for() -> None:
    def broken() -> int:
        raise UserError("broken.png does not decode")

    items = Prefetched([lambda: 1, broken, lambda: 3], threads=2)
    assert (items[0], items[2]) == (1, 3)
    for _ in range(2):
        with pytest.raises(UserError, match=r"broken\.png"):
            items[1]


def test_threads_stop_when_the_sequence_is_dropped() -> None:
    made: list[int] = []
    begun, release, finished = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        wait_until(release)
        finished.set()

    items = Prefetched([first, *(lambda value=value: made.append(value) for value in range(1000))], threads=1)
    wait_until(begun)
    worker = next(thread for thread in threading.enumerate() if thread.name == "prefetch")
    del items
    gc.collect()
    release.set()
    worker.join(SOON_S)
    assert finished.is_set()
    assert not worker.is_alive()
    assert made == []


def test_a_program_that_ends_does_not_wait_for_the_queue(repository: Path) -> None:
    program = (
        "import time\n"
        "from scene.images import Prefetched\n"
        "items = Prefetched([lambda: time.sleep(0.05)] * 100_000, threads=2)\n"
        "print(items[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout == "None\n"
    assert done.stderr == ""


def test_columns_look_up_one_field() -> None:
    column = Column([("a", 1), ("b", 2), ("c", 3)], lambda item: item[1])
    assert len(column) == 3
    assert list(column) == [1, 2, 3]
    assert column[-1] == 3
    assert column[:2] == [1, 2]


@pytest.mark.parametrize(
    ("mode", "has_alpha"), [("RGB", False), ("RGBA", True), ("L", False), ("LA", True), ("P", False)]
)
def test_header(tmp_path: Path, mode: str, has_alpha: bool) -> None:
    path = tmp_path / "größe.png"
    Image.new(mode, (7, 5)).save(path)
    assert read_header(path) == (7, 5, has_alpha)


def test_header_ignores_the_orientation_as_decoding_does(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to view
    Image.new("RGB", (7, 5)).save(tmp_path / "phone.jpg", exif=exif)
    assert read_header(tmp_path / "phone.jpg")[:2] == (7, 5)


def test_header_of_a_file_cut_off_early(tmp_path: Path) -> None:
    write_png(tmp_path / "cut.png", np.zeros((50, 50, 3), np.uint8))
    for length in (0, 10, 20):
        (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:length])
        with pytest.raises(UserError, match=r"cut\.png does not decode as an image"):
            read_header(tmp_path / "cut.png")


def test_header_of_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "pointer.jpg").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    )
    with pytest.raises(UserError, match=r"pointer\.jpg is a Git-LFS pointer.*git lfs pull"):
        read_header(tmp_path / "pointer.jpg")
    with pytest.raises(UserError, match=r"missing\.jpg: it does not exist"):
        read_header(tmp_path / "missing.jpg")
