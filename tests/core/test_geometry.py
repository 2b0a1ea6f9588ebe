"""Laws of rotations, rigid transforms and projection."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core import geometry
from tests import oracles

seeds = st.integers(0, 2**32 - 1)


def random_quats(seed: int, count: int = 16) -> Tensor:
    """Unit quaternions, half of them 1e-9 to 1e-3 from the identity or a half turn, where formulas break."""
    random = np.random.default_rng(seed)
    quats = random.normal(size=(count, 4))
    special = np.eye(4)[random.integers(0, 4, count // 2)]
    quats[: count // 2] = special + quats[: count // 2] * 10.0 ** random.uniform(-9, -3, (count // 2, 1))
    return torch.nn.functional.normalize(torch.from_numpy(quats), dim=-1)


def random_poses(seed: int, count: int = 16) -> Tensor:
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, :3, :3] = geometry.quat_to_rotation(random_quats(seed, count))
    poses[:, :3, 3] = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 3)) * 10)
    return poses


@given(seeds, st.floats(1e-3, 1e3))
def test_rotation_matrix_turns_as_the_quaternion_does(seed: int, length: float) -> None:
    quats, vector = random_quats(seed) * length, np.array([0.3, -1.1, 2.0])
    expected = np.stack([oracles.rotate(quat, vector) for quat in quats.numpy()])
    np.testing.assert_allclose(geometry.quat_to_rotation(quats).numpy() @ vector, expected, atol=1e-12)


@given(seeds)
def test_rotation_matrices_are_rotations(seed: int) -> None:
    R = geometry.quat_to_rotation(random_quats(seed))
    torch.testing.assert_close(R @ R.mT, torch.eye(3, dtype=torch.float64).expand_as(R), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(len(R), dtype=torch.float64))


def test_a_zero_quaternion_is_the_identity() -> None:
    torch.testing.assert_close(geometry.quat_to_rotation(torch.zeros(4)), torch.eye(3))


@given(seeds)
def test_inverse_undoes(seed: int) -> None:
    poses = random_poses(seed)
    identity = torch.eye(4, dtype=torch.float64).expand_as(poses)
    torch.testing.assert_close(geometry.invert_se3(poses) @ poses, identity, rtol=0, atol=1e-10)
    torch.testing.assert_close(geometry.invert_se3(geometry.invert_se3(poses)), poses, rtol=0, atol=1e-10)


@given(seeds)
def test_transforms_compose(seed: int) -> None:
    a, b = random_poses(seed), random_poses(seed + 1)
    points = torch.randn(len(a), 5, 3, dtype=torch.float64)
    in_steps = geometry.transform_points(a, geometry.transform_points(b, points))
    torch.testing.assert_close(in_steps, geometry.transform_points(a @ b, points), rtol=0, atol=1e-9)


@given(seeds)
def test_look_at_sees_the_target_in_the_middle_and_up_is_up(seed: int) -> None:
    random = np.random.default_rng(seed)
    eye, target, up = (torch.from_numpy(random.normal(size=(8, 3))) for _ in range(3))
    c2w = geometry.look_at(eye, target, up)
    w2c = geometry.invert_se3(c2w)
    torch.testing.assert_close(torch.linalg.det(c2w), torch.ones(8, dtype=torch.float64))
    seen = geometry.transform_points(w2c, target[:, None])[:, 0]
    torch.testing.assert_close(seen[:, :2], torch.zeros(8, 2, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(seen[:, 2], (target - eye).norm(dim=-1))
    above = geometry.transform_points(w2c, (target + 0.1 * up)[:, None])[:, 0]
    assert (above[:, 1] < 0).all(), "y points down in the camera"
    torch.testing.assert_close(above[:, 0], torch.zeros(8, dtype=torch.float64), rtol=0, atol=1e-9)


def test_look_at_broadcasts_one_target_to_many_eyes() -> None:
    c2w = geometry.look_at(torch.randn(5, 3), torch.zeros(3), torch.tensor([0.0, 0.0, 1.0]))
    assert c2w.shape == (5, 4, 4)


@pytest.mark.parametrize("target", [(0.0, 0.0, 0.0), (0.0, 0.0, 3.0)])
def test_look_at_refuses_a_view_without_direction(target: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="target away from the eye"):
        geometry.look_at(torch.zeros(3), torch.tensor(target), torch.tensor([0.0, 0.0, 1.0]))


@given(seeds)
def test_unproject_undoes_project(seed: int) -> None:
    random = np.random.default_rng(seed)
    viewmats = random_poses(seed, 4)
    K = torch.tensor([[500.0, 0, 320], [0, 480, 250], [0, 0, 1]], dtype=torch.float64).repeat(4, 1, 1)
    in_camera = torch.from_numpy(random.uniform([-2, -2, 0.5], [2, 2, 9], (4, 10, 3)))
    points = geometry.transform_points(geometry.invert_se3(viewmats), in_camera)
    pixels, depths = geometry.project_points(points, viewmats, K)
    torch.testing.assert_close(depths, in_camera[..., 2])
    torch.testing.assert_close(
        geometry.unproject_points(pixels, depths, viewmats, K), points, rtol=0, atol=1e-9
    )


def test_a_point_on_the_axis_is_at_the_principal_point() -> None:
    K = torch.tensor([[500.0, 0, 320], [0, 480, 250], [0, 0, 1]])
    pixels, depths = geometry.project_points(torch.tensor([[0.0, 0, 4]]), torch.eye(4), K)
    assert pixels.tolist() == [[320, 250]]
    assert depths.tolist() == [4]


def test_gradients_reach_rotations_from_quaternions() -> None:
    quats = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(geometry.quat_to_rotation, (quats,))


def test_dtype_and_device_stay() -> None:
    pose = torch.empty(2, 4, 4, dtype=torch.float16, device="meta")
    quats = torch.empty(2, 4, dtype=torch.float16, device="meta")
    for made in (
        geometry.invert_se3(pose),
        geometry.quat_to_rotation(quats),
    ):
        assert made.dtype == torch.float16
        assert made.device.type == "meta"
