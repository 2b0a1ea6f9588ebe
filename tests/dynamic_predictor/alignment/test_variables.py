"""Variables stand for the values they were made of."""

from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import quat_to_rotation, unproject_points
from dynamic_predictor.alignment.pointmaps import pixel_grid
from dynamic_predictor.alignment.variables import BASE_SCALE, rotation_to_quat, signed_expm1, signed_log1p
from tests.dynamic_predictor.alignment.published import Published
from tests.dynamic_predictor.alignment.scenes import FOCAL, HEIGHT, WIDTH, truth, wall


@given(st.floats(-1e6, 1e6))
def test_signed_logarithm_and_exponential_undo_each_other(value: float) -> None:
    x = torch.tensor(value, dtype=torch.float64)
    torch.testing.assert_close(signed_expm1(signed_log1p(x)), x, rtol=1e-9, atol=0)


def test_the_slope_at_zero_is_one() -> None:
    x = torch.zeros(3, requires_grad=True)
    signed_expm1(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1, 1]


@given(st.integers(0, 10_000))
def test_quaternions_of_rotations(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    quats = torch.randn(8, 4, generator=random, dtype=torch.float64)
    quats[:4] = torch.eye(4, dtype=torch.float64) + 1e-6 * quats[:4]  # the identity and the half turns
    R = quat_to_rotation(quats)
    found = rotation_to_quat(R)
    torch.testing.assert_close(quat_to_rotation(found), R, rtol=0, atol=1e-9)
    assert (found[:, 0] >= 0).all()


def test_values_come_back() -> None:
    scene = wall(4)
    variables = truth(scene)
    torch.testing.assert_close(variables.depths, scene.depths)
    torch.testing.assert_close(variables.c2w, scene.c2w)
    torch.testing.assert_close(variables.focals, torch.full((4,), FOCAL, dtype=torch.float64))
    torch.testing.assert_close(variables.pair_scales(normalised=False), 1 / scene.pair_scales)
    first = scene.c2w[scene.pairs.edges[:, 0]]
    transforms = variables.pair_transforms(normalised=False)
    torch.testing.assert_close(transforms[..., 3], first[:, :3, 3])
    torch.testing.assert_close(transforms[..., :3], first[:, :3, :3] / scene.pair_scales[:, None, None])


def test_normalised_scales_have_a_fixed_mean() -> None:
    scales = truth(wall(4)).pair_scales()
    torch.testing.assert_close(scales.log().mean().exp().item(), BASE_SCALE)


def test_world_points_are_those_of_a_pinhole_with_centres_at_one_half() -> None:
    scene = wall(3)
    K = torch.tensor([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    pixels = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)
    absolute = pixels + torch.tensor([WIDTH / 2, HEIGHT / 2])
    expected = unproject_points(
        absolute.expand(3, -1, -1), scene.depths, torch.linalg.inv(scene.c2w), K.expand(3, -1, -1)
    )
    torch.testing.assert_close(truth(scene).world_points(pixels), expected)


def test_published_numbers(golden: Path) -> None:
    numbers = Published(golden)
    variables = numbers.variables("fixed")
    torch.testing.assert_close(variables.c2w, numbers["fixed_c2w"], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(variables.pair_scales(), numbers["fixed_pw_scale"], rtol=1e-9, atol=0)
    torch.testing.assert_close(
        variables.pair_transforms(), numbers["fixed_pw_poses_4x4"][:, :3], rtol=1e-9, atol=1e-12
    )
    torch.testing.assert_close(
        variables.world_points(numbers.pixels), numbers["fixed_world_pts"], rtol=1e-9, atol=1e-12
    )
    torch.testing.assert_close(variables.focals, numbers["fixed_K"][:, 0, 0], rtol=1e-9, atol=0)
