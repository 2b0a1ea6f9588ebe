"""The command, and the page in a real browser."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import UInt8

from core.schedules import ScheduleConfig
from scene.occupancy.files import write_occupancy
from tests.architecture.source_tree import ROOT
from tests.browser import CHROMIUM, PATIENCE_S, Page, open_browser
from tests.scene.occupancy.streets import street
from tests.training.captures import tiny_capture, write_capture
from training.static import StaticConfig
from training.train_static import train_static
from viewer.__main__ import main

Shot = UInt8[np.ndarray, "H W 3"]


@contextmanager
def viewing(*paths: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of the command's page."""
    command = [sys.executable, "-m", "viewer", "-m", *map(str, paths), "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line
        yield address[0], process
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def ended(process: subprocess.Popen[str]) -> int:
    """The exit code of a process that is to end; where its threads are if it does not."""
    try:
        return process.wait(timeout=90)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        raise AssertionError(process.communicate()[1]) from None


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two trained runs of one capture."""
    folder = tmp_path_factory.mktemp("runs")
    source = write_capture(folder / "source", tiny_capture())
    for name, iterations in (("short", 2), ("long", 60)):
        train_static(source, folder / name, StaticConfig(schedule=ScheduleConfig(iterations=iterations)))
    return folder / "short", folder / "long"


@pytest.mark.parametrize("kind", ["occupancy", "run"])
def test_ctrl_c_ends_it_cleanly(tmp_path: Path, runs: tuple[Path, Path], kind: str) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    with viewing(tmp_path / "a.npz" if kind == "occupancy" else runs[0]) as (address, process):
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert ended(process) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "interrupted\n"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_shows_runs_and_its_controls_change_the_picture(
    tmp_path: Path, runs: tuple[Path, Path]
) -> None:
    with viewing(*runs) as (address, _), open_browser(tmp_path / "profile") as page:
        page.open(address)
        page.wait_for("document.body.innerText.includes('Gaussians ·')")
        first = settled(page, lambda shot: scene_of(shot).std() > 15)
        assert page.evaluate("document.querySelectorAll('canvas').length") > 0

        choose(page, "show", "depth")
        depth = settled(page, lambda shot: differs(shot, first))
        choose(page, "run", "long")
        choose(page, "show", "ground truth")
        photograph = settled(page, lambda shot: differs(shot, depth) and differs(shot, first))
        press(page, "next")
        settled(page, lambda shot: differs(shot, photograph))

        choose(page, "show", "render")
        before = settled(page, lambda shot: differs(shot, photograph))
        for step in range(6):
            page.mouse("mousePressed" if step == 0 else "mouseMoved", 300 + 20 * step, 450 + 5 * step)
        page.mouse("mouseReleased", 400, 475)
        turned = settled(page, lambda shot: differs(shot, before))
        page.wait_for("[...document.querySelectorAll('input')].some(input => input.value === 'free')")

        choose(page, "beside", "short")
        settled(page, lambda shot: differs(shot, turned))
        assert page.problems == []
        assert all(url.startswith((address, "data:", "blob:")) for url in page.requests)


def scene_of(shot: Shot) -> Shot:
    """The middle of the page, left of its controls and below its messages."""
    return shot[200:700, 320:820]


def differs(one: Shot, other: Shot) -> bool:
    """Whether two scenes are different pictures."""
    return float(np.abs(scene_of(one).astype(float) - scene_of(other)).mean()) > 2


def settled(page: Page, good: Callable[[Shot], bool]) -> Shot:
    """A picture of the page that is good and does not change any more."""
    until, last = time.monotonic() + PATIENCE_S, page.screenshot()
    while True:
        shot = page.screenshot()
        if good(shot) and np.array_equal(scene_of(shot), scene_of(last)):
            return shot
        assert time.monotonic() < until, "the picture does not become what was expected"
        last = shot
        time.sleep(0.3)


def choose(page: Page, label: str, value: str) -> None:
    """Choose from a list by hand: open it, click what is wanted."""
    page.wait_for(f"[...document.querySelectorAll('label')].some(each => each.innerText === {label!r})")
    page.evaluate(
        f"document.getElementById([...document.querySelectorAll('label')]"
        f".find(each => each.innerText === {label!r}).htmlFor).click()"
    )
    option = f"[...document.querySelectorAll('[role=option]')].find(each => each.innerText === {value!r})"
    # In one go: the server may give the list anew between a look and a click.
    page.wait_for(f"(option => option && (option.click(), true))({option})")


def press(page: Page, label: str) -> None:
    """Press a button."""
    page.evaluate(
        f"[...document.querySelectorAll('button')].find(each => each.innerText === {label!r}).click()"
    )


def test_a_path_without_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", str(tmp_path)]) == 2
    assert "holds no scenes" in capsys.readouterr().err


def test_runs_and_scenes_are_not_mixed(
    tmp_path: Path, runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    assert main(["-m", str(runs[0]), str(tmp_path / "a.npz")]) == 2
    assert "a.npz is no run folder" in capsys.readouterr().err


def test_a_run_without_gaussians(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text('{"method": "static", "source_path": "nowhere"}')
    assert main(["-m", str(tmp_path)]) == 2
    assert "no trained Gaussians" in capsys.readouterr().err
    assert main(["-m", str(tmp_path), str(tmp_path)]) == 2
    assert "twice" in capsys.readouterr().err
