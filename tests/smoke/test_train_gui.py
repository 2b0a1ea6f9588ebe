"""train.py --gui as its user meets it: the address, the page in a browser, the buttons, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import train
from core.serialization import load_state
from tests.architecture.source_tree import ROOT
from tests.browser import CHROMIUM, Page, open_browser
from tests.training.captures import tiny_capture, write_capture

STATE = "document.body.innerText.match(/(training|paused) · step ([\\d,]+) of/)"


@contextmanager
def training(run: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that trains for longer than anybody looks, and the address that it told."""
    source = write_capture(run.parent / "blobs", tiny_capture())
    words = ["-s", str(source), "-m", str(run), "--preset", "static-tiny", "--iterations", "1000000"]
    command = [sys.executable, "train.py", *words, "--gui", "--gui-port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("open http://"))
        yield process, line.split()[1]
    finally:
        process.kill()
        process.communicate()


def click(page: Page, button: str) -> None:
    page.evaluate(f"[...document.querySelectorAll('button')].find(b => b.innerText === '{button}').click()")


def step(page: Page) -> int:
    return int(page.evaluate(f"{STATE}[2]").replace(",", ""))


def step_at_rest(page: Page) -> int:
    """The step that a paused training waits after: the one that was being taken is taken first."""
    before = -1
    while (now := step(page)) != before:
        before = now
        time.sleep(1)
    return now


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_a_browser_looks_on_and_ctrl_c_ends_a_training_that_waits(tmp_path: Path) -> None:
    with training(tmp_path / "run") as (process, address), open_browser(tmp_path / "profile") as page:
        page.open(address)
        page.wait_for(f"{STATE}?.[1] === 'training'")
        page.wait_for("document.body.innerText.includes('Gaussians ·')")  # a picture has come
        click(page, "pause")
        page.wait_for(f"{STATE}[1] === 'paused'")
        page.wait_for("[...document.querySelectorAll('button')].some(b => b.innerText === 'resume')")
        paused_at = step_at_rest(page)
        click(page, "single step")
        page.wait_for(f"{STATE}[2].replaceAll(',', '') == {paused_at + 1}")
        picture = page.screenshot()
        assert picture[:, :600].std() > 5  # something is drawn, left of the controls
        assert page.problems == []
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, told
    assert f"stopped after iteration {paused_at + 1}; the same command continues from there" in told
    assert load_state(tmp_path / "run" / "checkpoints" / "last.pt")["loop"]["step"] == paused_at + 1


def test_an_address_that_cannot_be_listened_at_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_capture(tmp_path / "blobs", tiny_capture())
    words = ["static", "-s", str(source), "-m", str(tmp_path / "run"), "--gui", "--gui-host", "203.0.113.7"]
    assert train.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: cannot listen at 203.0.113.7:8080")
    assert not (tmp_path / "run").exists()


def test_who_looks_on_is_no_part_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_capture(tmp_path / "blobs", tiny_capture())
    words = ["static", "-s", str(source), "-m", str(tmp_path / "run"), "--preset", "static-tiny"]
    assert train.main(words) == 0
    assert train.main([*words, "--gui", "--gui-port", "0"]) == 0
    assert "continuing from iteration 60 of 60" in capsys.readouterr().err
    assert "gui" not in (tmp_path / "run" / "config.json").read_text(encoding="utf-8")
