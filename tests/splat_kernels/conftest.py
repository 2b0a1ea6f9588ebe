"""The kernels at every instruction level of this processor, on any number of threads."""

from collections.abc import Callable, Iterator

import pytest
import splat_kernels
import torch

LEVELS = ("scalar", "avx2", "avx512")


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """One instruction level after the other; those that this processor lacks are skipped."""
    before = splat_kernels.level()
    try:
        splat_kernels.set_level(request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    splat_kernels.set_level(before)


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """`torch.set_num_threads`, undone after the test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
