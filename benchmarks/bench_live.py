"""What it costs a training that somebody looks at it: steps with and without a page, in turn.

    python -m benchmarks.bench_live -s CAPTURE

One process trains. In turn its steps are taken as without `--gui`, with `--gui` while nobody has the page
open, with a page open that rests, and with one whose camera never rests. The page is open in a process of its
own, which takes 1280x720 pictures through the websocket. Each is compared with the steps right before it.
Processor time says more than the clock does where other programs are busy.
"""

import math
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, NamedTuple

import torch

from benchmarks.measuring import write_result
from core import cli
from core.environment import ROOT
from core.run_folder import RunFolder
from scene.capture import Capture, PointCloud
from scene.datasets import CaptureOptions
from scene.densification import DensificationConfig
from tests.page_client import page_client
from training.gaussian_fit import RenderConfig
from training.preparation import wait_for_images
from training.runs import read_scene
from training.static import StaticConfig, StaticTask
from training.task import Stepper
from viewer.live.page import LivePage
from viewer.serving import page_server

KINDS = ("nobody", "resting", "moving")
SIZE = (1280, 720)
_SETTLES_S = 12.0  # until the browser's process has begun and the cameras and thumbnails of the page are sent


@dataclass(frozen=True)
class BenchLive:
    """Compare steps with and without a page."""

    source: Annotated[Path, cli.flag("-s", "--source-path")]
    """The capture."""
    images: Annotated[str, cli.flag("-i")] = "images"
    """Folder of images in the capture."""
    gaussians: int = 100_000
    """How many there are from start to end; the capture's points are multiplied to so many."""
    threads: int = 2
    """Of the renderer."""
    seconds: float = 1.0
    """Of each piece that is timed."""
    rounds: int = 40
    """Pieces of each kind, and as many without a page between them."""
    client: str | None = None
    """Used by the benchmark itself: be the browser at this address; the source says whether it moves."""
    out: Path | None = None
    """JSON file for the figures."""


class Piece(NamedTuple):
    """Steps that were timed.

    Args:
        wall_ms: of a step.
        cpu_ms: processor time of a step, over all threads of the process that trains.
    """

    wall_ms: float
    cpu_ms: float


def bench(command: BenchLive) -> None:
    """Print and write the figures."""
    if command.client is not None:
        _be_browser(command.client, moves=command.source.name == "moving")
        return
    torch.set_num_threads(command.threads)
    config = StaticConfig(
        capture=CaptureOptions(images=command.images),
        densification=DensificationConfig(strategy="none"),
        render=RenderConfig(coarse_to_fine=0),
    )
    capture, split = read_scene(command.source, config)
    wait_for_images(capture)
    task = StaticTask(config, _with_points(capture, command.gaussians), split.train, split.test)
    load_before = os.getloadavg()[0]
    figures: dict[str, object] = {"gaussians": command.gaussians, "load_before": load_before}
    with page_server("127.0.0.1", 0, "benchmark") as server:
        page = LivePage(server, RunFolder(Path("benchmark")))
        steps = _Steps(task, page)
        steps.take(5.0, watched=True)
        for kind in KINDS:
            with _browser(kind, server.get_port()) as seen:
                steps.take(_SETTLES_S, watched=True)
                before = seen()
                pairs = [steps.pair(command.seconds) for _ in range(command.rounds)]
                rate = (seen() - before) / (command.rounds * command.seconds)
            figures[kind] = _told(kind, pairs, rate)
        page.close()
    write_result(command.out, figures)


class _Steps:
    """A training whose steps are timed in pieces."""

    def __init__(self, task: StaticTask, page: LivePage) -> None:
        self._task, self._watch, self._gaps = task, page.watch, page.gaps
        self._batches, self._step = task.batches(1), 0

    def pair(self, seconds: float) -> tuple[Piece, Piece]:
        """Steps as without a page, and steps with it."""
        alone = self.take(seconds, watched=False)
        self._gaps.hold_open(0.0)  # those steps give no credit for pictures
        return alone, self.take(seconds, watched=True)

    def take(self, seconds: float, *, watched: bool) -> Piece:
        """Take steps for so long."""
        started, cpu, first = time.perf_counter(), time.process_time(), self._step
        while time.perf_counter() < started + seconds:
            self._step += 1
            self._task.step(self._step, next(self._batches), Stepper())
            if watched:
                self._watch.between_steps(self._step, self._task)
        count = self._step - first
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
        return Piece(1e3 * wall_s / count, 1e3 * cpu_s / count)


@contextmanager
def _browser(kind: str, port: int) -> Iterator[Callable[[], int]]:
    """A process that has the page open, and what tells how many pictures it has seen."""
    if kind == "nobody":
        yield lambda: 0
        return
    words = ["-m", "benchmarks.bench_live", "-s", kind, "--client", f"ws://127.0.0.1:{port}"]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    seen = [0]

    def count(lines: Iterator[str]) -> None:
        for line in lines:
            seen[0] = int(line)

    counter = threading.Thread(target=count, args=(iter(process.stdout.readline, ""),))
    counter.start()
    try:
        yield lambda: seen[0]
    finally:
        process.kill()
        process.wait()
        counter.join()


def _be_browser(address: str, *, moves: bool) -> None:
    """Have the page open for ever, and say now and then how many pictures have come."""
    print(0, flush=True)
    with page_client(address) as client:
        number = 0
        while True:
            if moves or not number:
                client.look((0.2 * math.cos(number / 20), 0.2 * math.sin(number / 20), 0.0), size=SIZE)
            number += 1
            client.hear(1 / 30)
            print(client.pictures, flush=True)


def _told(kind: str, pairs: list[tuple[Piece, Piece]], rate: float) -> dict[str, object]:
    """Print and return what a page of one kind costs: over all pieces, and of the middle pair."""
    alone_ms = statistics.median(alone.wall_ms for alone, _ in pairs)
    figures: dict[str, object] = {"pairs": [[*alone, *watched] for alone, watched in pairs]}
    figures |= {"step_ms": alone_ms, "pictures_per_second": rate}
    told = f"{kind:8} {alone_ms:7.1f} ms a step alone; more with the page"
    for field, name in ((0, "clock"), (1, "processor")):
        overall = sum(watched[field] for _, watched in pairs) / sum(alone[field] for alone, _ in pairs)
        middle = statistics.median(watched[field] / alone[field] for alone, watched in pairs)
        figures[f"{name}_percent"] = (100 * (overall - 1), 100 * (middle - 1))
        told += f", {name} {100 * (overall - 1):+.1f} % (median {100 * (middle - 1):+.1f})"
    print(f"{told}; {rate:.1f} pictures/s", flush=True)
    return figures


def _with_points(capture: Capture, count: int) -> Capture:
    """A capture with so many points: its own, and others a little beside them."""
    assert capture.points is not None
    random = torch.Generator().manual_seed(0)
    rows = torch.arange(count) % len(capture.points)
    spread = 0.002 * float(capture.points.xyz.std())
    xyz = capture.points.xyz[rows] + spread * torch.randn(count, 3, generator=random)
    return replace(capture, points=PointCloud(xyz, capture.points.rgb[rows]))


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchLive, description=__doc__))
