"""Recordings and networks so small that whole trainings take seconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from generation.dit import Dit, DitConfig
from generation.dit.checkpoints import DitFacts, LoadedDit
from generation.normalization import Normalization
from generation.vae.checkpoints import LoadedVae
from generation.vae.config import HexplaneVaeConfig
from generation.vae.model import HexplaneVae
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import Grid
from tests.scene.occupancy.recordings import write_carlasc

RAW_BUILDING, RAW_ROAD, RAW_VEHICLE = 1, 7, 10
"""Of CARLA; the road is class 6 of CarlaSC."""

GRID = Grid((16, 16, 8), (-3.2, -3.2, -2.0), (0.4, 0.4, 0.375))

VAE = HexplaneVaeConfig(
    frames=4,
    spatial_size=GRID.size,
    latent_channels=4,
    query_channels=8,
    transformer_depth=1,
    mlp_channels=8,
    hidden_low=8,
    hidden_high=8,
    dropout=0.0,
)

UNCONDITIONAL = DitConfig(depth=1, width=32, heads=4, latent=VAE.latent_size, channels=4, frames=4)
CONDITIONAL = replace(
    UNCONDITIONAL, hexplane=True, layout=True, trajectory=True, command=True, cross_attention=True
)

VAE_FLAGS = (
    *("--frames", "4", "--spatial-size", "16", "16", "8", "--latent-channels", "4", "--query-channels", "8"),
    *("--transformer-depth", "1", "--mlp-channels", "8", "--hidden-low", "8", "--hidden-high", "8"),
    *("--dropout", "0"),
)
DIT_FLAGS = ("--depth", "1", "--width", "32", "--heads", "4")


def write_recordings(folder: Path, train_frames: tuple[int, ...] = (9, 6), test_frames: int = 6) -> Path:
    """Drives in CarlaSC's layout: some to learn from, one to score on. Returns the folder."""
    for number, frames in enumerate(train_frames):
        _write_drive(folder / "Cartesian" / "Train" / f"Town0{number + 1}_Light", frames, number)
    _write_drive(folder / "Cartesian" / "Test" / "Town10_Heavy", test_frames, 2)
    return folder


def _write_drive(folder: Path, frames: int, number: int) -> None:
    """A road with a building beside it, and a vehicle that moves by a voxel a frame."""
    write_carlasc(folder, frames, GRID)
    for frame in range(frames):
        raw = np.zeros(GRID.size, "<u4")
        raw[:, :, 0] = RAW_ROAD
        raw[:, 12:, 1:5] = RAW_BUILDING
        raw[frame + number : frame + number + 3, 4:6, 1:3] = RAW_VEHICLE
        (folder / "cartesian" / "evaluation" / f"{frame:06d}.label").write_bytes(raw.tobytes())


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a command ended with."""
    lines = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(lines) == 1, lines
    return lines[0]


def seeded_vae(seed: int = 0) -> HexplaneVae:
    """An autoencoder that has learned nothing, whose planes differ from scene to scene."""
    torch.manual_seed(seed)
    return HexplaneVae(VAE).eval()


def loaded_vae(seed: int = 0) -> LoadedVae:
    return LoadedVae(seeded_vae(seed), CARLASC, GRID, 0.1, f"micro{seed}")


def seeded_dit(config: DitConfig = CONDITIONAL, seed: int = 0) -> Dit:
    """A transformer with weights everywhere, also where an untrained one has zeros."""
    model = Dit(config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=random))
    return model.eval()


def loaded_dit(config: DitConfig = CONDITIONAL, seed: int = 0, legacy_driving: bool = False) -> LoadedDit:
    facts = DitFacts("micro0", 1, Normalization.none(config.channels), legacy_driving)
    return LoadedDit(seeded_dit(config, seed), facts)
