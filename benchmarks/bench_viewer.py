"""The page of runs as a browser sees it: pictures a second, time to the first one, memory over many.

    python -m benchmarks.bench_viewer

100,000 Gaussians are drawn from a camera that never rests, packed, sent through a real websocket, and taken
apart by a client in a process of its own, which moves the camera 60 times a second and says what it has seen.
"""

import json
import math
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.measuring import write_result
from core import cli
from core.environment import ROOT
from core.errors import UserError
from core.sh import rgb_to_dc
from scene.cameras import Cameras
from scene.splats import Splats
from tests.page_client import PageClient, page_client
from tests.viewer.subjects.splats import SplatSubject
from viewer.page import Page
from viewer.serving import page_server

_MIB = 1 << 20
_WARM_UPS = 100


class Note(NamedTuple):
    """How far the server is."""

    drawn: int
    """Pictures."""
    mib: float
    """Of memory that it holds."""
    processor_s: float
    """Processor time that it has taken, of all threads."""


@dataclass(frozen=True)
class BenchViewer:
    """Measure the viewer's page."""

    gaussians: int = 100_000
    """How many there are."""
    width: int = 640
    """Of the window, pixels."""
    height: int = 360
    """Of the window, pixels."""
    pictures: int = 5_000
    """How many are taken."""
    threads: int = 2
    """Of the renderer."""
    client: str | None = None
    """Used by the benchmark itself: be the client of a page at this address."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchViewer) -> None:
    """Print and write the figures."""
    if command.client is not None:
        print(json.dumps(_watch(command, command.client)))
        return
    torch.set_num_threads(command.threads)
    load_before = os.getloadavg()[0]
    subject = SplatSubject(_scene(command.gaussians), _camera(command.width, command.height))
    notes: list[Note] = []
    with page_server("127.0.0.1", 0, "benchmark") as server:
        page = Page(server, [subject])
        words = ["--client", f"ws://127.0.0.1:{server.get_port()}", "--pictures", str(command.pictures)]
        size = ["--width", str(command.width), "--height", str(command.height)]
        program = [sys.executable, "-m", "benchmarks.bench_viewer", *words, *size]
        done = threading.Event()
        watcher = threading.Thread(target=_measure, args=(subject, notes, done))
        watcher.start()
        finished = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        done.set()
        watcher.join()
        page.close()
    if finished.returncode:
        raise UserError(f"the client failed: {finished.stderr[-500:]}")
    seen = json.loads(finished.stdout)
    # The first tenth fills caches of the allocator's.
    settled = [note for note in notes if note.drawn > command.pictures / 10]
    if len(settled) < 2:
        raise UserError(f"--pictures {command.pictures}: too few to measure; 300 or more were expected")
    first, last = settled[0], settled[-1]
    growth = last.mib - first.mib
    processor_ms = 1e3 * (last.processor_s - first.processor_s) / max(last.drawn - first.drawn, 1)
    print(
        f"{command.gaussians:,} Gaussians at {command.width}x{command.height}, {command.threads} threads: "
        f"{seen['per_second']:.1f} pictures/s, {100 * seen['full']:.1f} % at full size, "
        f"first after {seen['first_s']:.2f} s, {processor_ms:.1f} ms of processor time each; "
        f"memory {first.mib:.0f} to {last.mib:.0f} MiB ({growth:+.1f}) over the last nine tenths of "
        f"{seen['pictures']:,}; load of the machine before: {load_before:.1f}"
    )
    measured = {"growth_mib": growth, "processor_ms": processor_ms, "load_before": load_before}
    write_result(command.out, {**seen, **measured, "notes": notes})


def _watch(command: BenchViewer, address: str) -> dict[str, float]:
    """Look at the page from a camera that never rests."""
    size, full = (command.width, command.height), 0
    with page_client(address) as client:
        opened = time.perf_counter()
        client.look(_place(0), size=size)
        client.wait_for_picture()
        first_s = time.perf_counter() - opened
        still = threading.Event()
        mover = threading.Thread(target=_move, args=(client, size, still))
        mover.start()
        client.wait_for_picture(_WARM_UPS)  # the pace is learned
        started, before = time.perf_counter(), client.pictures
        while client.pictures < before + command.pictures:
            client.wait_for_picture(client.pictures)
            full += _height(client.picture) == command.height
        seconds, pictures = time.perf_counter() - started, client.pictures - before
        still.set()
        mover.join()
    return {
        "pictures": pictures,
        "per_second": pictures / seconds,
        "first_s": first_s,
        "full": full / pictures,
    }


def _move(client: PageClient, size: tuple[int, int], still: threading.Event) -> None:
    """Move the camera as often as a browser says where it is."""
    number = 0
    while not still.wait(1 / 60):
        number += 1
        client.look(_place(number), size=size)


def _measure(subject: SplatSubject, notes: list[Note], done: threading.Event) -> None:
    """Note once a second how far this process is."""
    while not done.wait(1.0):
        resident_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        mib = resident_pages * os.sysconf("SC_PAGE_SIZE") / _MIB
        notes.append(Note(subject.drawn, mib, time.process_time()))


def _place(number: int) -> tuple[float, float, float]:
    """On a small circle before the scene."""
    angle = number * 2 * math.pi / 240
    return 0.3 * math.cos(angle), 0.3 * math.sin(angle), -4.0


def _height(jpeg: bytes) -> int:
    """Of a JPEG, from its frame header."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return int.from_bytes(jpeg[at + 5 : at + 7], "big")


def _camera(width: int, height: int) -> Cameras:
    focal = height / 2 / math.tan(math.radians(25))
    viewmats = torch.eye(4)[None].clone()
    viewmats[0, 2, 3] = 4.0
    K = torch.tensor([[[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]]])
    return Cameras(viewmats, K, torch.tensor([width]), torch.tensor([height]))


def _scene(count: int) -> Splats:
    """A cloud that fills the picture, sizes and opacities as a training leaves them; degree 3."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    sh = 0.05 * normal(count, 16, 3)
    sh[:, 0] = rgb_to_dc(torch.rand(count, 3, generator=random))
    return Splats(
        means=normal(count, 3) * torch.tensor([1.6, 0.9, 1.0]),
        quats=normal(count, 4),
        scales=math.log(0.016) + 0.6 * normal(count, 3),
        opacities=1.5 * normal(count),
        sh=sh,
        raw=True,
    )


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchViewer, description=__doc__))
