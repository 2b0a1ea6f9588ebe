"""Sequences to planes: DynamicCity's numbers, and which voxels a plane knows of."""

from dataclasses import replace

import pytest
import torch

from generation.rollout import PLANES, SPATIAL, TEMPORAL
from generation.vae.config import HexplaneVaeConfig
from generation.vae.encoder import Encoder
from tests.generation.golden import assert_matches
from tests.generation.vae.conftest import GoldenPass
from tests.generation.vae.golden import CONFIG, GOLDEN


@pytest.mark.parametrize("plane", PLANES)
def test_planes_are_dynamiccitys(golden_pass: GoldenPass, plane: str) -> None:
    assert_matches(golden_pass.planes[plane], GOLDEN["encoder_planes"][plane], 1e-9)


@torch.no_grad()
def test_planes_of_time_keep_frames_apart() -> None:
    """Another last frame shows in the last rows of time, of which each holds two frames, and nowhere else."""
    encoder = Encoder(CONFIG).eval()
    voxels = torch.randint(12, (1, 4, 16, 16, 8))
    changed = voxels.clone()
    changed[:, 3] = torch.randint(12, (1, 16, 16, 8))
    before, after = encoder(voxels), encoder(changed)
    for plane in TEMPORAL:
        assert torch.equal(before[plane][:, :, 0], after[plane][:, :, 0])
        assert not torch.equal(before[plane][:, :, 1], after[plane][:, :, 1])
    for plane in SPATIAL:
        assert not torch.equal(before[plane], after[plane])


@torch.no_grad()
@pytest.mark.parametrize("one_hot_time", [False, True])
def test_planes_of_time_are_shuffled_with_their_frames(one_hot_time: bool) -> None:
    """Two frames at a time, unless frames are told apart."""
    config = HexplaneVaeConfig(
        num_classes=3, frames=4, spatial_size=(4, 4, 4), down=(0, 0, 0), one_hot_time=one_hot_time
    )
    encoder = Encoder(config).double().eval()
    voxels = torch.randint(3, (1, 4, 4, 4, 4))
    before, after = encoder(voxels), encoder(voxels[:, [2, 3, 0, 1]])
    for plane in TEMPORAL:
        difference = float((before[plane].flip(2) - after[plane]).abs().max())
        assert (difference > 1e-3) if one_hot_time else (difference < 1e-9)


def test_what_is_separate_has_weights_of_its_own() -> None:
    names = {name.split(".")[0] for name in Encoder(CONFIG).state_dict()}
    shared = {name.split(".")[0] for name in Encoder(replace(CONFIG, separate_t_encoder=False)).state_dict()}
    assert names - shared == {"t_encoder"}
    together = Encoder(replace(CONFIG, separate_t_reducer=False))
    assert set(together.tokens) == set(PLANES)
    assert together.pos_encodings["xy"].shape == (1, 4 * 4 + 1, 16)
    assert Encoder(CONFIG).pos_encodings["xy"].shape == (1, 4 + 1, 16)
