"""The way in: a method of flow by its name."""

from typing import get_args

import pytest
import torch

from core.errors import UserError
from dynamic_predictor.config import FlowName
from dynamic_predictor.flow import Flow, make_flow


def test_dis_needs_nothing() -> None:
    flow = make_flow("dis")
    assert isinstance(flow, Flow)
    frame = torch.randint(0, 256, (40, 50, 3), dtype=torch.uint8)
    still = flow(frame, frame)
    assert still.shape == (40, 50, 2)
    assert still.abs().max() < 0.05


def test_every_name_is_made_or_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("SPLATWORKS_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in get_args(FlowName):
        if name == "dis":
            continue
        with pytest.raises(UserError, match=f"--flow {name} needs"):
            make_flow(name)
