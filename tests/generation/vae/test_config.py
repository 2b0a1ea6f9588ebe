"""Sizes of the network: what follows from them, and what cannot be."""

from dataclasses import replace
from typing import Any

import pytest

from generation.rollout import LatentSize
from generation.vae.config import HexplaneVaeConfig
from tests.generation.vae.golden import CONFIG, GOLDEN


def test_defaults_are_the_published_sizes() -> None:
    config = HexplaneVaeConfig()
    assert config.volume == {"t": 16, "x": 64, "y": 64, "z": 4}
    assert config.latent_size == (8, 64, 64, 4)
    assert config.plane_sizes() == {
        "xy": (64, 64), "xz": (64, 4), "yz": (64, 4), "tx": (8, 64), "ty": (8, 64), "tz": (8, 4),
    }  # fmt: skip
    assert LatentSize(*config.latent_size).rollout_shape == (76, 76)


def test_plane_sizes_are_those_of_the_numbers() -> None:
    for plane, size in CONFIG.plane_sizes().items():
        assert list(size) == GOLDEN["mu"][plane]["shape"][2:]


def test_halvings_add_up() -> None:
    config = HexplaneVaeConfig(
        frames=8, spatial_size=(16, 8, 4), down=(2, 1, 0), hex_down=(1, 0, 2), hex_down_t=3
    )
    assert config.volume == {"t": 8, "x": 4, "y": 4, "z": 4}
    assert config.latent_size == (1, 2, 4, 1)
    assert [config.plane_halvings(axis) for axis in "txyz"] == [3, 1, 0, 2]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frames": 0}, "frames: at least 1"),
        ({"hidden_high": 0}, "hidden_high: at least 1"),
        ({"mlp_channels": -1}, "mlp_channels: at least 1"),
        ({"pe_freq": -1}, "pe_freq: at least 0"),
        ({"heads": 3}, "3 do not divide 16"),
        ({"dropout": 1.0}, "dropout: a share"),
        ({"frames": 3}, "3 along t cannot be halved 1 times"),
        ({"spatial_size": (128, 6, 8), "down": (1, 2, 1)}, "6 along y cannot be halved 2 times"),
        ({"hex_down": (0, 0, 3)}, "8 along z cannot be halved 4 times"),
        ({"hex_down_t": -1}, "halvings from 0 on"),
        ({"down": (1, 1, -1), "hex_down": (0, 0, 1)}, "halvings from 0 on"),
        ({"spatial_size": (128, 0, 8)}, "sizes from 1"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(HexplaneVaeConfig(), **changes)
