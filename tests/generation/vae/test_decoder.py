"""Planes to scores: DynamicCity's numbers, and the shortcuts against the layers they stand for."""

from dataclasses import replace

import pytest
import torch

from generation.rollout import PLANES
from generation.vae.config import HexplaneVaeConfig
from generation.vae.decoder import Decoder, PlaneConvBlock, VoxelDecoder
from tests.generation.golden import assert_matches, fill
from tests.generation.vae.conftest import GoldenPass
from tests.generation.vae.golden import CONFIG, GOLDEN
from tests.generation.vae.plain_form import PlainVoxelDecoder, StackedConvBlock

NARROW = replace(CONFIG, query_channels=5, hidden_low=6, hidden_high=4, num_classes=3)


@torch.no_grad()
@pytest.mark.parametrize("plane", PLANES)
def test_widened_planes_are_dynamiccitys(golden_pass: GoldenPass, plane: str) -> None:
    widened = golden_pass.network.decoder.conv_block(golden_pass.posterior.mean)
    assert_matches(widened[plane], GOLDEN["decoder_conv_block"][plane], 1e-9)


@pytest.mark.parametrize("size", [(2, 6, 4, 3), (5, 3, 7, 2), (1, 4, 4, 8)])
def test_planes_are_widened_as_in_padded_stacks(size: tuple[int, int, int, int]) -> None:
    lengths = dict(zip("txyz", size, strict=True))
    ours, plain = PlaneConvBlock(3, 4).double(), StackedConvBlock(3, 4).double()
    fill(ours)
    plain.load_state_dict(ours.state_dict())
    planes = {
        plane: torch.randn(2, 3, lengths[plane[0]], lengths[plane[1]], dtype=torch.float64)
        for plane in PLANES
    }
    found, expected = ours(planes), plain(planes)
    for plane in PLANES:
        torch.testing.assert_close(found[plane], expected[plane])


@torch.no_grad()
def test_the_residual_begins_at_zero() -> None:
    """Before any training only the shortcut counts, which is linear."""
    block = PlaneConvBlock(3, 4)
    planes = {plane: torch.randn(1, 3, 4, 4) for plane in PLANES}
    nothing = block({plane: torch.zeros_like(value) for plane, value in planes.items()})
    once, twice = block(planes), block({plane: 2 * value for plane, value in planes.items()})
    for plane in PLANES:
        torch.testing.assert_close(
            twice[plane] - once[plane], once[plane] - nothing[plane], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("down", [(0, 0, 0), (1, 1, 1), (2, 0, 1)])
@pytest.mark.parametrize("pe_freq", [0, 1, 3])
def test_voxels_are_decoded_as_by_the_published_layers(down: tuple[int, int, int], pe_freq: int) -> None:
    config = replace(NARROW, down=down, pe_freq=pe_freq)
    ours, plain = VoxelDecoder(config).double(), PlainVoxelDecoder(config).double()
    fill(ours)
    plain.load_state_dict(ours.state_dict())
    features = torch.randn(3, 5, 3, 4, 2, dtype=torch.float64)
    hidden = ours.hidden(features)
    scores = ours.scores(hidden, ours.encoding(hidden))
    torch.testing.assert_close(scores, plain(features, 3), rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_planes_are_multiplied_or_added() -> None:
    """One plane of zeros: a product is free of the others, a sum is not."""
    for hadamard in (True, False):
        decoder = Decoder(replace(NARROW, hadamard=hadamard)).eval()
        planes = {plane: torch.randn(1, 5, 4, 4) for plane in PLANES}
        planes["tz"] = torch.zeros(1, 5, 4, 4)
        others = {plane: torch.randn(1, 5, 4, 4) for plane in PLANES} | {"tz": planes["tz"]}
        volumes = [torch.cat(list(decoder._volumes(each))) for each in (planes, others)]  # pyright: ignore[reportPrivateUsage]
        assert volumes[0].shape == (4, 5, 4, 4, 4)
        assert torch.equal(*volumes) == hadamard


@torch.no_grad()
def test_whole_frames_come_in_order(golden_pass: GoldenPass) -> None:
    chunks = list(golden_pass.network.decoder(golden_pass.posterior.mean))
    assert all(chunk.shape[1:] == (12, 16, 16, 8) for chunk in chunks)
    assert torch.equal(torch.cat(chunks), golden_pass.scores.flatten(0, 1))


def test_widths_are_the_configurations() -> None:
    shapes = {name: tuple(value.shape) for name, value in VoxelDecoder(NARROW).state_dict().items()}
    assert shapes["transpose_conv.weight"] == (NARROW.hidden_low, NARROW.hidden_high, 2, 2, 2)
    assert shapes["final_conv.0.weight"] == (3, NARROW.hidden_high + 8 * HexplaneVaeConfig().pe_freq, 1, 1, 1)
