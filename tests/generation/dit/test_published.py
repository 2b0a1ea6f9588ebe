"""Configurations by tensors and by conf.yaml."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from generation.dit import DIT_DC_1, DIT_DC_2, Dit
from generation.dit.published import config_from_weights, read_conf


def test_carlasc_needs_no_conf() -> None:
    for config in (DIT_DC_2, DIT_DC_1, replace(DIT_DC_2, hexplane=True, trajectory=True, command=True)):
        with torch.device("meta"):
            weights = Dit(config).state_dict()
        weights["pos_embed"] = Dit(replace(config, depth=0)).pos_embed
        assert config_from_weights(weights, {}, Path("last.ckpt")) == config


def test_conf_files(tmp_path: Path) -> None:
    assert read_conf(tmp_path / "conf.yaml") == {}
    (tmp_path / "conf.yaml").write_text("a: {b: {c: 1}}\nd: [1, 2]\ne:\n  c: 5\n")
    assert read_conf(tmp_path / "conf.yaml") == {"c": 1, "d": [1, 2]}
    (tmp_path / "conf.yaml").write_text("a: [1\n")
    with pytest.raises(UserError, match=r"conf\.yaml is not YAML"):
        read_conf(tmp_path / "conf.yaml")
