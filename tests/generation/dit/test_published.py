"""Configurations by tensors and by conf.yaml."""

from dataclasses import replace
from pathlib import Path

import torch

from generation.dit import DIT_DC_1, DIT_DC_2, Dit
from generation.dit.published import config_from_weights


def test_carlasc_needs_no_conf() -> None:
    for config in (DIT_DC_2, DIT_DC_1, replace(DIT_DC_2, hexplane=True, trajectory=True, command=True)):
        with torch.device("meta"):
            weights = Dit(config).state_dict()
        weights["pos_embed"] = Dit(replace(config, depth=1)).pos_embed
        assert config_from_weights(weights, {}, Path("last.ckpt")) == config
