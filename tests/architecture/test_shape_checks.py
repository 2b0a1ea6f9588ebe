"""Shapes in annotations are checked while the tests run. Were they not, every wrong shape here would pass."""

import re

import pytest
import torch
from jaxtyping import TypeCheckError

from core.geometry import quat_to_rotation
from scene import Cameras
from tests.architecture.source_tree import PACKAGES, ROOT


def test_a_wrong_shape_is_refused_in_core() -> None:
    with pytest.raises(TypeCheckError):
        quat_to_rotation(torch.zeros(5, 3))


def test_a_wrong_shape_is_refused_in_scene() -> None:
    with pytest.raises(TypeCheckError):
        Cameras(torch.zeros(2, 4, 4), torch.zeros(3, 3, 3), torch.ones(2).long(), torch.ones(2).long())


def test_every_package_is_checked() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r"--jaxtyping-packages=([\w,.]+)", settings)
    assert match is not None
    *packages, checker = match[1].split(",")
    assert set(packages) == set(PACKAGES)
    assert checker == "beartype.beartype"
