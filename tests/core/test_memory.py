"""The forecast: grows with what it depends on, and says what it means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import memory

sizes = st.integers(0, 10**7)


@given(sizes, sizes, st.integers(0, 500), st.integers(0, 2**33))
def test_more_of_anything_takes_more(gaussians: int, pixels: int, views: int, cache: int) -> None:
    least = memory.forecast(gaussians, pixels, views, cache)
    assert least.total == least.gaussians + least.images + least.rest
    assert memory.forecast(gaussians + 1, pixels, views, cache).total > least.total
    assert memory.forecast(gaussians, pixels + 1, views, cache).total > least.total
    assert memory.forecast(gaussians, pixels, views + 1, cache).total >= least.total


def test_a_gaussian_takes_at_least_its_parameters_gradients_and_moments() -> None:
    assert memory.bytes_per_gaussian() > 4 * 59 * 4
    assert memory.bytes_per_gaussian(1) < memory.bytes_per_gaussian(16)


@pytest.mark.parametrize(("gaussians", "views", "measured_mib"), [(1_000_000, 10, 2263), (1_000, 2, 513)])
def test_the_forecast_is_near_what_was_measured(gaussians: int, views: int, measured_mib: int) -> None:
    """Peak RSS after one epoch of 1250 x 800 views, 2 threads, x86-64, torch 2.13."""
    expected = memory.forecast(gaussians, 1250 * 800, views, 512 * 2**20).total / 2**20
    assert 0.9 * measured_mib < expected < 1.25 * measured_mib


def test_what_is_free_is_known_here() -> None:
    free = memory.available_bytes()
    assert free is None or free > 0


def test_the_peak_grows_with_what_is_held_and_can_begin_anew() -> None:
    before = memory.peak_bytes()
    if before is None:
        pytest.skip("this system does not tell")
    held = bytearray(b"x") * 200_000_000
    after = memory.peak_bytes()
    assert after is not None
    assert after >= before
    del held
    memory.forget_peak()
    again = memory.peak_bytes()
    assert again is not None
    assert again <= after
    if Path("/proc/self/clear_refs").exists():
        assert again < after - 100_000_000


def test_pages_that_a_container_can_drop_are_free(tmp_path: Path) -> None:
    assert memory._container_bytes(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    assert memory._container_bytes(tmp_path) == 100
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 650\nactive_file 50\n")
    assert memory._container_bytes(tmp_path) == 750
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._container_bytes(tmp_path) is None


@pytest.mark.parametrize(("count", "told"), [(0, "0 MiB"), (5 * 2**20, "5 MiB"), (3 * 2**29, "1.5 GiB")])
def test_bytes_for_people(count: int, told: str) -> None:
    assert memory.readable(count) == told
