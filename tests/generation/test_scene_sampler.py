"""Rollouts to voxels and back, at the transformer's scale."""

from dataclasses import replace

import pytest
import torch

from core.errors import UserError
from generation.diffusion import SamplingConfig
from generation.dit.checkpoints import LoadedDit
from generation.normalization import Normalization
from generation.scene_sampler import SceneSampler
from tests.generation.micro import CONDITIONAL, GRID, UNCONDITIONAL, loaded_dit, loaded_vae

CONFIG = SamplingConfig(steps=3)


def scaled(mean: float, spread: float) -> LoadedDit:
    """A transformer whose latents are at another scale than the autoencoder's."""
    dit = loaded_dit(UNCONDITIONAL)
    rows = tuple((each,) * 4 for each in (mean,) * 6), tuple((each,) * 4 for each in (spread,) * 6)
    return LoadedDit(dit.model, replace(dit.facts, normalization=Normalization(*rows)))


def voxels() -> torch.Tensor:
    random = torch.Generator().manual_seed(2)
    return torch.randint(12, (2, 4, *GRID.size), generator=random).byte()


def test_scales_are_those_of_the_transformer_and_undone_for_the_autoencoder() -> None:
    plain = SceneSampler(loaded_vae(), loaded_dit(UNCONDITIONAL), CONFIG)
    other = SceneSampler(loaded_vae(), scaled(0.25, 0.5), CONFIG)
    rollouts = plain.encoded(voxels())
    cells = rollouts != 0
    torch.testing.assert_close(other.encoded(voxels())[cells], ((rollouts - 0.25) / 0.5)[cells])
    assert torch.equal(other.scenes(other.encoded(voxels())), plain.scenes(rollouts))


def test_scenes_are_what_the_autoencoder_reads() -> None:
    vae = loaded_vae()
    sampler = SceneSampler(vae, loaded_dit(UNCONDITIONAL), CONFIG)
    with torch.no_grad():
        expected = vae.network.classes(vae.network.encode(voxels()).mean)
    assert torch.equal(sampler.scenes(sampler.encoded(voxels())), expected)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++"])
def test_samples_do_not_depend_on_those_beside_them(sampler: str) -> None:
    config = SamplingConfig(sampler=sampler, steps=3)  # pyright: ignore[reportArgumentType]
    scenes = SceneSampler(loaded_vae(), loaded_dit(), config)
    together = scenes.rollouts(5, [0, 1, 2])
    for row in range(3):
        torch.testing.assert_close(scenes.rollouts(5, [row])[0], together[row], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=0.1)
    assert not torch.allclose(scenes.rollouts(6, [0])[0], together[0], atol=0.1)


def test_networks_that_do_not_go_together_are_told() -> None:
    dit = loaded_dit(replace(CONDITIONAL, channels=6))
    with pytest.raises(UserError, match=r"6 channels, the autoencoder writes .* and 4; give the pair"):
        SceneSampler(loaded_vae(), dit, CONFIG)
