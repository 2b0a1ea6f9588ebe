"""Latents in files, made up without an autoencoder."""

from pathlib import Path

import torch

from generation.latents import LatentFacts, shard_path, write_facts, write_shard
from generation.rollout import LatentSize
from tests.generation.micro import GRID, VAE
from tests.scene.occupancy.recordings import poses_on_arc

FACTS = LatentFacts(
    vae="micro0",
    vae_path="nowhere.safetensors",
    data="carlasc",
    classes="carlasc",
    grid=GRID,
    seconds_per_frame=0.1,
    frames=4,
    skip=0,
    stride=1,
    size=VAE.latent_size,
    channels=4,
    down_size=4,
    windows_per_shard=4,
    train_scenes=("a", "b"),
    test_scenes=("c",),
    train_windows=10,
    test_windows=3,
)
"""Windows 0 to 5 of the first scene, 0 to 3 of the second, 0 to 2 of the one to score on."""

PLACES = {
    "train": [(0, first) for first in range(6)] + [(1, first) for first in range(4)],
    "test": [(0, first) for first in range(3)],
}


def write_latents(folder: Path, facts: LatentFacts = FACTS, *, poses: bool = True) -> Path:
    """Smooth latents with a little noise. Returns the folder."""
    write_facts(folder, facts)
    shape = LatentSize(*facts.size).rollout_shape
    random = torch.Generator().manual_seed(1)
    pattern = torch.randn(facts.channels, *shape, generator=random)
    drive = poses_on_arc(12, 0.05)
    for split in ("train", "test"):
        for shard in range(facts.shards(split)):
            places = [PLACES[split][row] for row in facts.shard_rows(split, shard)]
            noise = torch.randn(len(places), *pattern.shape, generator=random)
            tensors = {
                "rollout": (2.0 + pattern + 0.2 * noise).half(),
                "world_from_ego": torch.stack([drive[first : first + facts.frames] for _, first in places]),
                "layout": torch.randint(2, (len(places), facts.frames, 4, 4), generator=random).byte(),
                "scene": torch.tensor([scene for scene, _ in places]),
                "first": torch.tensor([first for _, first in places]),
            }
            if not poses:
                del tensors["world_from_ego"]
            write_shard(shard_path(folder, split, shard), tensors)
    return folder
