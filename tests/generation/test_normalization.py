"""Latents at unit scale and back."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation import normalization
from generation.latents import LatentFacts, LatentSplit, shard_path, write_facts, write_shard
from generation.normalization import Normalization
from generation.rollout import PLANES, LatentSize, cell_mask, roll_out, unroll
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import CARLASC_GRID

SIZE = LatentSize(2, 6, 8, 4)
CHANNELS = 3
MEANS = torch.arange(18.0).view(6, CHANNELS) - 8
SPREADS = 0.25 * torch.arange(1, 19.0).view(6, CHANNELS)


def rollouts(windows: int) -> Tensor:
    """Each plane and channel of a mean and spread of its own."""
    random = torch.Generator().manual_seed(0)
    planes = {
        plane: mean[:, None, None]
        + spread[:, None, None] * torch.randn(windows, CHANNELS, *SIZE.plane_shape(plane), generator=random)
        for plane, mean, spread in zip(PLANES, MEANS, SPREADS, strict=True)
    }
    return roll_out(planes)


def latents(folder: Path, given: Tensor) -> LatentSplit:
    """In one shard."""
    windows = len(given)
    facts = LatentFacts(
        vae="abc", vae_path="vae.safetensors", data="made", classes=CARLASC.name, grid=CARLASC_GRID,
        seconds_per_frame=0.1, frames=4, skip=0, stride=1, size=(SIZE.t, SIZE.x, SIZE.y, SIZE.z),
        channels=CHANNELS, down_size=4, windows_per_shard=max(1, windows), train_scenes=("a",),
        test_scenes=(), train_windows=windows, test_windows=0,
    )  # fmt: skip
    write_facts(folder, facts)
    places = torch.arange(windows)
    write_shard(
        shard_path(folder, "train", 0),
        {
            "rollout": given.half(), "layout": torch.zeros(windows, 4, 2, 2, dtype=torch.uint8),
            "scene": torch.zeros_like(places), "first": places,
        },
    )  # fmt: skip
    return LatentSplit(folder, "train")


def test_mean_and_spread_are_found(tmp_path: Path) -> None:
    """Of 64 windows: a plane has at least 512 cells there, so standard errors are below 4.5 % of spreads."""
    found = Normalization.of(latents(tmp_path, rollouts(64)))
    assert ((torch.tensor(found.mean) - MEANS).abs() < 0.2 * SPREADS).all()
    torch.testing.assert_close(torch.tensor(found.spread), SPREADS, rtol=0.15, atol=0)


def test_normalized_latents_are_at_unit_scale(tmp_path: Path) -> None:
    given = rollouts(8).half().float()
    normalized = Normalization.of(latents(tmp_path, given)).apply(given, SIZE)
    for plane in unroll(normalized, SIZE).values():
        torch.testing.assert_close(plane.mean((0, 2, 3)), torch.zeros(CHANNELS), rtol=0, atol=1e-4)
        torch.testing.assert_close(plane.std((0, 2, 3)), torch.ones(CHANNELS), rtol=1e-4, atol=0)


def test_undo_is_the_inverse(tmp_path: Path) -> None:
    given = rollouts(3)
    found = Normalization.of(latents(tmp_path, given))
    torch.testing.assert_close(found.undo(found.apply(given, SIZE), SIZE), given, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.apply(found.undo(given, SIZE), SIZE), given, rtol=1e-5, atol=1e-5)


def test_padding_stays_as_it_is(tmp_path: Path) -> None:
    found = Normalization.of(latents(tmp_path, rollouts(3)))
    noise = torch.randn(2, CHANNELS, *SIZE.rollout_shape)
    padding = ~cell_mask(SIZE)
    assert int(padding.sum()) == 2 * 2 + 4 * 4 + 4 * 2
    assert torch.equal(found.apply(noise, SIZE)[..., padding], noise[..., padding])
    assert torch.equal(found.undo(noise, SIZE)[..., padding], noise[..., padding])


def test_none_changes_nothing() -> None:
    given = rollouts(2)
    assert torch.equal(Normalization.none(CHANNELS).apply(given, SIZE), given)
    assert torch.equal(Normalization.none(CHANNELS).undo(given, SIZE), given)


def test_the_type_stays(tmp_path: Path) -> None:
    found = Normalization.of(latents(tmp_path, rollouts(2)))
    for dtype in (torch.float64, torch.bfloat16):
        assert found.apply(rollouts(1).to(dtype), SIZE).dtype == dtype


def test_channels_that_never_change_stay_finite(tmp_path: Path) -> None:
    """A spread of nothing is taken for a thousandth."""
    given = rollouts(2)
    given[:, 1] = 0
    found = Normalization.of(latents(tmp_path, given))
    assert all(row[1] == pytest.approx(1e-3) for row in found.spread)
    assert torch.equal(found.apply(given, SIZE)[:, 1], given[:, 1])


def test_some_windows_stand_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evenly spread: of six, with three looked at, every second."""
    monkeypatch.setattr(normalization, "_WINDOWS", 3)
    given = rollouts(6)
    assert Normalization.of(latents(tmp_path / "all", given)) == Normalization.of(
        latents(tmp_path / "some", given[::2])
    )
