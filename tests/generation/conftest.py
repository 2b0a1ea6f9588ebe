"""The network of the reference numbers, built once."""

import pytest

from generation.dit import Dit
from tests.generation.golden import golden_model


@pytest.fixture(scope="session")
def golden_dit() -> Dit:
    """Filled by the closed forms; tests do not change it."""
    return golden_model()
