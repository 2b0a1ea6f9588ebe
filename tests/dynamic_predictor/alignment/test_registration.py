"""Similarities: recovered exactly, robust to weights, never mirrored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.geometry import quat_to_rotation
from dynamic_predictor.alignment.registration import Similarity, register_points, register_poses

seeds = st.integers(0, 2**32 - 1)


def random_similarity(seed: int, count: int = 4) -> Similarity:
    random = torch.Generator().manual_seed(seed)
    quats = torch.randn(count, 4, generator=random, dtype=torch.float64)
    scale = torch.rand(count, generator=random, dtype=torch.float64) + 0.2
    return Similarity(
        scale, quat_to_rotation(quats), torch.randn(count, 3, generator=random, dtype=torch.float64)
    )


def random_points(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)


@given(seeds)
def test_what_carried_the_points_is_found(seed: int) -> None:
    truth, points = random_similarity(seed), random_points(seed, 4, 20, 3)
    found = register_points(points, truth(points), random_points(seed + 7, 4, 20).abs())
    torch.testing.assert_close(found.scale, truth.scale)
    torch.testing.assert_close(found.R, truth.R)
    torch.testing.assert_close(found.translation, truth.translation)


@given(seeds)
def test_points_of_no_weight_have_no_say(seed: int) -> None:
    truth, points = random_similarity(seed), random_points(seed, 4, 20, 3)
    target, weights = truth(points), torch.ones(4, 20, dtype=torch.float64)
    target[:, ::3] += 100 * random_points(seed + 3, 4, 7, 3)
    weights[:, ::3] = 0
    torch.testing.assert_close(register_points(points, target, weights).R, truth.R)


@given(seeds)
def test_a_mirror_image_is_met_by_a_rotation(seed: int) -> None:
    points = random_points(seed, 1, 30, 3)
    found = register_points(points, points * torch.tensor([1.0, 1.0, -1.0]), torch.ones(1, 30).double())
    torch.testing.assert_close(torch.linalg.det(found.R), torch.ones(1).double())


def test_without_scale_it_is_rigid() -> None:
    points = random_points(0, 10, 3)
    points -= points.mean(dim=0)
    found = register_points(points, 3 * points, torch.ones(10).double(), with_scale=False)
    assert found.scale.item() == 1
    torch.testing.assert_close(found.rigid(), torch.eye(4).double(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_points_that_coincide_or_have_no_weight_give_numbers(weight: float) -> None:
    found = register_points(torch.ones(5, 3), 2 * torch.ones(5, 3), torch.full((5,), weight))
    assert found.scale.item() == 1
    torch.testing.assert_close(found(torch.ones(5, 3)), 2 * torch.ones(5, 3))


@given(seeds)
def test_cameras_are_laid_on_cameras(seed: int) -> None:
    truth = random_similarity(seed, 1)
    poses = random_similarity(seed + 1, 6).rigid()
    moved = poses.clone()
    moved[:, :3, :3] = truth.R @ poses[:, :3, :3]
    moved[:, :3, 3] = truth(poses[None, :, :3, 3])[0]
    found = register_poses(poses, moved)
    torch.testing.assert_close(found.scale, truth.scale[0])
    torch.testing.assert_close(found.R, truth.R[0])


def test_cameras_at_one_place_are_turned_and_keep_their_scale() -> None:
    poses = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    target = poses.clone()
    target[:, :3, :3] = random_similarity(3, 1).R
    target[:, :3, 3] = torch.tensor([1.0, 2.0, 3.0])
    found = register_poses(poses, target)
    assert found.scale.item() == 1
    torch.testing.assert_close(found.rigid() @ poses, target)


def test_published_numbers(golden: Path) -> None:
    numbers = np.load(golden / "das3r" / "focal_registration.npz")

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(numbers[name])

    found = register_points(
        tensor("reg_src").reshape(-1, 3), tensor("reg_dst").reshape(-1, 3), tensor("reg_weight").flatten()
    )
    mirrored = register_points(tensor("mir_src"), tensor("mir_dst"), torch.ones(40).double())
    cameras = register_poses(tensor("poses_src"), tensor("poses_dst"))
    for name, similarity in {"reg": found, "mir": mirrored, "poses": cameras}.items():
        torch.testing.assert_close(similarity.scale, tensor(f"{name}_s"), rtol=0, atol=1e-9)
        torch.testing.assert_close(similarity.R, tensor(f"{name}_R"), rtol=0, atol=1e-9)
        torch.testing.assert_close(similarity.translation, tensor(f"{name}_T"), rtol=0, atol=1e-9)
