"""Devices are shared out fairly, and no GPU twice."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.engines import devices
from bulk.engines.devices import Gpu, core_devices, gpus, reserved, usable_cores, visible


@given(workers=st.integers(1, 40), cores=st.integers(1, 40))
def test_every_core_has_its_worker(workers: int, cores: int) -> None:
    found = core_devices(workers, list(range(cores)))
    assert len(found) == workers
    used = [core for device in found for core in device.cores]
    assert set(used) == set(range(cores))
    if workers <= cores:
        assert len(used) == cores
        assert max(device.threads for device in found) - min(device.threads for device in found) <= 1
    assert all(device.threads == len(device.cores) for device in found)


def test_by_default_a_worker_has_two_cores() -> None:
    assert [device.cores for device in core_devices(None, [1, 3, 5, 7])] == [(1, 3), (5, 7)]
    assert len(core_devices(None, [4])) == 1


def test_without_gpus_cores_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: [])
    with reserved(1, (), 1) as found:
        assert [device.cores for device in found] == [tuple(usable_cores())]


def machine(*busy: float) -> Sequence[Gpu]:
    return [Gpu(index, f"GPU-test-{index}", share, share) for index, share in enumerate(busy)]


def test_idle_gpus_are_reserved_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other runs of this test have locks of their own
    monkeypatch.setattr(devices, "gpus", lambda: machine(0.0, 0.5, 0.0, 0.0))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with reserved(None, (3,), 2) as found:
        assert [device.gpu for device in found] == ["GPU-test-0", "GPU-test-2"] * 2
        with reserved(None, (), 1) as others:
            assert [device.gpu for device in others] == ["GPU-test-3"]
    with reserved(1, (3,), 1) as again:
        assert [device.gpu for device in again] == ["GPU-test-0"]


def test_workers_without_a_gpu_use_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "usable_cores", lambda: [0, 1, 2, 3])
    monkeypatch.setattr(devices, "gpus", lambda: machine(0.0))
    with reserved(3, (), 1) as found:
        assert [device.gpu for device in found] == ["GPU-test-0", "", ""]
        assert sorted(core for device in found for core in device.cores) == [0, 1, 2, 3]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(devices, "gpus", lambda: machine(0.5, 0.0))
    with reserved(None, (1,), 1) as found:
        assert [(device.gpu, device.cores) for device in found] == [("", (0, 1)), ("", (2, 3))]
    assert "none of the 2 GPUs is idle" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "seen"), [("2,0", [0, 2]), ("GPU-test-1", [1]), ("", []), ("-1", [])])
def test_gpus_that_are_hidden_are_not_taken(
    value: str, seen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert [gpu.index for gpu in visible(machine(0.0, 0.0, 0.0))] == seen


def test_gpus_of_this_machine_have_names() -> None:
    assert all(gpu.uuid and 0 <= gpu.memory_share <= 1 for gpu in gpus())
