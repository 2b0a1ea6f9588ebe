"""Cameras: inverses, batches, and images of another size."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import quat_to_rotation
from scene import Cameras


def some_cameras(count: int, seed: int) -> Cameras:
    random = torch.Generator().manual_seed(seed)
    viewmats = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    viewmats[:, :3, :3] = quat_to_rotation(torch.randn(count, 4, generator=random, dtype=torch.float64))
    viewmats[:, :3, 3] = torch.randn(count, 3, generator=random, dtype=torch.float64)
    Ks = torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)
    Ks[:, :2] += torch.rand(count, 2, 3, generator=random, dtype=torch.float64)
    return Cameras(Ks=Ks, viewmats=viewmats, width=torch.arange(count) + 40, height=torch.arange(count) + 30)


@given(st.integers(0, 4), st.integers(0, 10**6))
def test_c2w_is_the_inverse_and_holds_the_centres(count: int, seed: int) -> None:
    cameras = some_cameras(count, seed)
    torch.testing.assert_close(cameras.c2w @ cameras.viewmats, torch.eye(4).double().expand(count, 4, 4))
    at_centre = torch.cat([cameras.centers, torch.ones(count, 1)], dim=1)[..., None]
    torch.testing.assert_close((cameras.viewmats @ at_centre)[:, :3, 0], torch.zeros(count, 3).double())


def test_a_choice_is_always_a_batch() -> None:
    cameras = some_cameras(5, 0)
    rows = {"integer": 3, "slice": slice(3, 4), "list": [3], "tuple": (3,), "tensor": torch.tensor([3])}
    for chosen in (cameras[index] for index in rows.values()):
        assert len(chosen) == 1
        assert torch.equal(chosen.viewmats, cameras.viewmats[3:4])
        assert torch.equal(chosen.Ks, cameras.Ks[3:4])
        assert chosen.size == (43, 33)
    assert cameras[torch.tensor([True, False, True, False, False])].width.tolist() == [40, 42]
    assert len(cameras[[]]) == 0
    with pytest.raises(IndexError):
        cameras[5]


def test_size_needs_one_size() -> None:
    assert some_cameras(1, 0).size == (40, 30)
    for cameras in (some_cameras(2, 0), some_cameras(0, 0)):
        with pytest.raises(ValueError, match="one size"):
            _ = cameras.size


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_point_keeps_its_place_in_the_image_when_the_size_changes(width: int, height: int) -> None:
    cameras = some_cameras(3, 1)
    resized = cameras.resized(torch.full((3,), width), torch.full((3,), height))
    ray = torch.tensor([0.3, -0.2, 1.0], dtype=torch.float64)

    def place(of: Cameras) -> torch.Tensor:
        return (of.Ks @ ray)[:, :2] / torch.stack([of.width, of.height], dim=1)

    torch.testing.assert_close(place(resized), place(cameras))
    assert resized.size == (width, height)
    torch.testing.assert_close(resized.resized(cameras.width, cameras.height).Ks, cameras.Ks)


def test_sizes_stay_on_the_cpu() -> None:
    moved = some_cameras(2, 0).to("meta")
    assert moved.viewmats.is_meta
    assert moved.Ks.is_meta
    assert not moved.width.is_meta
    assert moved[0].size == (40, 30)
