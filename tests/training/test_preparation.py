"""Forecasts before a run: numbers of Gaussians, memory, time. train_static's tests see the rest."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from core import memory
from core.errors import UserError
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from scene.datasets.street import open_log
from scene.densification import DensificationConfig
from tests.training.captures import tiny_capture
from tests.training.streets import write_log
from training.preparation import (
    SMALLER_LOG,
    check_memory,
    expected_gaussians,
    make_pacer,
    map_bytes,
    street_bytes,
    wait_for_images,
)
from training.static import StaticConfig, StaticTask


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d, 600),
        (lambda d: replace(d, max_gaussians=250), 250),
        (lambda d: replace(d, max_gaussians=50), 100),
        (lambda d: replace(d, strategy="none"), 100),
        (lambda d: replace(d, strategy="mcmc", max_gaussians=5000), 5000),
        (lambda d: replace(d, strategy="mcmc"), 1_000_000),
    ],
)
def test_expected_numbers(
    change: Callable[[DensificationConfig], DensificationConfig], expected: int
) -> None:
    assert expected_gaussians(100, change(DensificationConfig())) == expected


@pytest.mark.parametrize(
    ("free_mib", "told"),
    [(100_000, "are free"), (800, "may not fit; with --max-gaussians"), (None, "expected")],
)
def test_memory_is_told(
    free_mib: int | None, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: None if free_mib is None else free_mib * 2**20)
    check_memory(tiny_capture(2), 1000, 1_000_000, cache_mb=128, sh_degree=3)
    assert told in capsys.readouterr().err


def test_memory_that_does_not_suffice_for_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10 * 2**20)
    with pytest.raises(UserError, match=r"needs .* to start and 10 MiB are free; use smaller images"):
        check_memory(tiny_capture(2), 1000, 1000, cache_mb=128, sh_degree=3)


def test_maps_count(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 frames of 512x288 at least two maps as float32, a mask and image motion are kept."""
    capture = tiny_capture(2)
    pixels = int((capture.cameras.width * capture.cameras.height).sum())
    assert map_bytes(capture) > pixels * (2 * 4 + 1 + 8 / 16)
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    told = []
    for kept in (0, 2**30):
        check_memory(capture, 10, 10, cache_mb=0, sh_degree=0, map_bytes=kept)
        told.append(capsys.readouterr().err)
    assert "MiB" in told[0]
    assert "1.3 GiB" in told[1] or "1.4 GiB" in told[1]


def test_what_is_kept_of_a_log_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as its tensors take, and the flags that are told are those of logs."""
    capture = open_log(write_log(tmp_path / "log"))
    drive = capture.drive
    assert drive is not None
    depths, moving, images = capture.inverse_depths, capture.dynamic_masks, capture.images
    assert depths is not None
    assert moving is not None
    probabilities = [image[..., 0].float() for image in images]
    kept = [*depths, *moving, *probabilities]
    kept += [part for sweep in drive.sweeps if sweep is not None for part in vars(sweep).values()]
    taken = sum(tensor.nbytes for tensor in kept if tensor is not None)
    assert taken <= street_bytes(capture) < 1.5 * taken
    masked = replace(capture, valid_masks=moving, drive=replace(drive, sky_masks=moving))
    more = 2 * sum(mask.nbytes for mask in moving) + sum(mask.float().nbytes for mask in moving)
    assert street_bytes(masked) == street_bytes(capture) + more
    monkeypatch.setattr(memory, "available_bytes", lambda: 10 * 2**20)
    with pytest.raises(UserError, match=r"smaller images \(--long-side or --downscale"):
        check_memory(capture, 1000, 1000, cache_mb=128, sh_degree=3, smaller_by=SMALLER_LOG)


def test_every_map_of_every_view_is_asked_for() -> None:
    asked: list[str] = []

    class Column(list[torch.Tensor]):
        def __init__(self, name: str) -> None:
            super().__init__([torch.zeros(2, 2)] * 2)
            self.name = name

        def __getitem__(self, view: int) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
            asked.append(f"{self.name} {view}")
            return super().__getitem__(view)

    names = ("images", "valid_masks", "dynamic_masks", "dynamic_probabilities", "inverse_depths")
    of_log = ("sky_masks", "sweeps", "boxes")
    capture = replace(tiny_capture(2))
    for name in names:
        object.__setattr__(capture, name, Column(name))
    object.__setattr__(capture, "drive", SimpleNamespace(**{name: Column(name) for name in of_log}))
    wait_for_images(capture)
    assert sorted(asked) == sorted(f"{name} {view}" for name in (*names, *of_log) for view in range(2))


def test_only_a_run_that_begins_is_rehearsed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(tmp_path)
    task = StaticTask(StaticConfig(schedule=ScheduleConfig(iterations=50)), tiny_capture(3), (0, 1), (2,))
    before = task.model.parameters["means"].clone()
    assert make_pacer(task, folder, task.config.schedule, initial=24, expected=24) is None
    assert "for 50 iterations" in capsys.readouterr().err
    assert torch.equal(task.model.parameters["means"], before)
    limited = ScheduleConfig(iterations=50, minutes=1.0)
    assert make_pacer(task, folder, limited, initial=24, expected=24) is not None
    assert "iterations fit into 1 minutes" in capsys.readouterr().err
    folder.checkpoint.parent.mkdir(parents=True)
    folder.checkpoint.touch()
    assert make_pacer(task, folder, limited, initial=24, expected=24) is not None
    assert capsys.readouterr().err == ""
