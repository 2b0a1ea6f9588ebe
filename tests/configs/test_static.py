"""Presets: round trips, and one spelling for every flag."""

import dataclasses
from collections import Counter
from typing import Any

import pytest

from configs.static import PRESETS
from core.serialization import config_from_json, config_to_json
from training.static import StaticConfig


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_json(name: str) -> None:
    assert config_from_json(StaticConfig, config_to_json(PRESETS[name])) == PRESETS[name]


def leaves(config: Any) -> list[str]:
    names = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        names += leaves(value) if dataclasses.is_dataclass(value) else [field.name]
    return names


def test_flags_without_prefixes_are_unique() -> None:
    # `SplitOptions.seed` is filled in from the configuration's own and is no flag.
    repeated = {name for name, count in Counter(leaves(StaticConfig())).items() if count > 1}
    assert repeated == {"seed"}


def test_published_values() -> None:
    assert PRESETS["inria"].optimizer.opacity_lr == 0.025
    assert PRESETS["inria-classic"].optimizer.opacity_lr == 0.05
    assert PRESETS["inria-classic"].densification == PRESETS["inria"].densification
    assert PRESETS["inria"].densification.default.densify_grad_threshold == 2e-4
    assert PRESETS["inria"].optimizer.optimizer == PRESETS["mcmc"].optimizer.optimizer == "dense"
    assert PRESETS["absgs"].densification.default.absgrad
    assert PRESETS["mcmc"].densification.strategy == "mcmc"
