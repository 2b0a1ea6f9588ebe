"""Recordings and networks so small that whole trainings take seconds."""

import shutil
from dataclasses import replace
from pathlib import Path

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
    """Drives in CarlaSC's layout: two to learn from, one to score on. Returns the folder."""
    for number, frames in enumerate(train_frames):
        write_carlasc(folder / "Cartesian" / "Train" / f"Town0{number + 1}_Light", frames, GRID)
    write_carlasc(folder / "Cartesian" / "Test" / "Town10_Heavy", test_frames, GRID)
    return folder


def without_poses(folder: Path, copy: Path) -> Path:
    """A copy of latents or recordings."""
    shutil.copytree(folder, copy)
    return copy


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
