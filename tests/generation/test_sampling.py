"""Rollouts from networks: repeatable, alone or in batches, guided, and with what is known."""

from dataclasses import replace

import pytest
import torch

from generation.diffusion import Known, SamplingConfig
from generation.dit import Conditions, Dit, DitConfig
from generation.rollout import cell_mask
from generation.sampling import sample_rollouts
from tests.generation.golden import fill

CONFIG = DitConfig(depth=1, width=16, heads=2, latent=(2, 4, 6, 2), channels=2, frames=4, command=True)
COMMANDS = torch.tensor([0, 2, 3])


@pytest.fixture(scope="module")
def model() -> Dit:
    model = Dit(CONFIG)
    fill(model)
    return model.eval()


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm++"])
def test_a_sample_does_not_depend_on_its_batch(model: Dit, name: str) -> None:
    config = SamplingConfig(name, steps=6, guidance=2.0)
    together = sample_rollouts(model, config, 3, [0, 1, 2], Conditions(command=COMMANDS))
    assert together.shape == (3, 2, 8, 10)
    alone = sample_rollouts(model, config, 3, [1], Conditions(command=COMMANDS[1:2]))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_guidance_and_commands_matter(model: Dit) -> None:
    config, mask = SamplingConfig(steps=6), cell_mask(CONFIG.size)
    drawn = [
        sample_rollouts(
            model, replace(config, guidance=scale), 0, [0], Conditions(command=COMMANDS[row, None])
        )
        for scale, row in ((1.0, 0), (4.0, 0), (4.0, 1))
    ]
    assert not torch.allclose(drawn[0][..., mask], drawn[1][..., mask], atol=1e-3)
    assert not torch.allclose(drawn[1][..., mask], drawn[2][..., mask], atol=1e-3)


def test_known_cells_and_progress(model: Dit) -> None:
    data, mask = torch.randn(1, 2, 8, 10), torch.rand(1, 1, 8, 10) < 0.5
    seen: list[tuple[int, int]] = []
    config = SamplingConfig(steps=6, jump=2, repeats=2)
    drawn = sample_rollouts(
        model, config, 0, [4, 5], known=Known(data, mask), on_step=lambda *step: seen.append(step)
    )
    assert torch.equal(torch.where(mask, drawn, data), data.expand(2, -1, -1, -1))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
    assert len(seen) > 6
