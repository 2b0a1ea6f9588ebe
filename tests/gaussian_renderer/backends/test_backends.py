"""Who draws when, and what is said when nobody can."""

import re

import pytest
import torch

from core.errors import UserError
from gaussian_renderer import backends
from gaussian_renderer.backends import native, reference

CPU = torch.device("cpu")


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)


def test_auto_is_native_for_float32_on_a_cpu() -> None:
    assert backends.load("auto", CPU, torch.float32) is native.project_view


@pytest.mark.parametrize(("device", "dtype"), [("cpu", torch.float64), ("meta", torch.float32)])
def test_auto_is_the_reference_for_all_else(device: str, dtype: torch.dtype) -> None:
    assert backends.load("auto", torch.device(device), dtype) is reference.project_view


@pytest.mark.usefixtures("not_installed")
def test_auto_is_the_reference_where_the_kernels_are_not_installed() -> None:
    assert backends.load("auto", CPU, torch.float32) is reference.project_view


@pytest.mark.usefixtures("not_installed")
def test_a_missing_back_end_says_what_to_install() -> None:
    with pytest.raises(UserError, match=re.escape("pip install ./submodules/splat_kernels")):
        backends.load("native", CPU, torch.float32)


@pytest.mark.parametrize(
    ("device", "dtype", "words"),
    [("cpu", torch.float64, "torch.float64 on cpu"), ("cuda", torch.float32, "torch.float32 on cuda")],
)
def test_native_says_what_it_cannot_draw(device: str, dtype: torch.dtype, words: str) -> None:
    with pytest.raises(UserError, match=f"these Gaussians are {words}: choose the back-end reference"):
        backends.load("native", torch.device(device), dtype)


def test_an_unknown_back_end_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="no back-end 'cuda': choose auto, native or reference"):
        backends.load("cuda", CPU, torch.float32)
