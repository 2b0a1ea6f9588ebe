import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import unproject_points
from scene.cameras import Cameras
from scene.lidar_depth import sparse_inverse_depth


@given(seed=st.integers(0, 10_000))
def test_the_nearest_point_of_each_pixel_counts(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    viewmat = torch.eye(4, dtype=torch.float64)
    viewmat[:3, 3] = torch.tensor([0.2, -0.1, 1.5])
    K = torch.tensor([[9.0, 0.0, 6.2], [0.0, 8.0, 3.9], [0.0, 0.0, 1.0]], dtype=torch.float64)
    xyz = 4 * torch.randn(300, 3, generator=random, dtype=torch.float64)
    expected = torch.zeros(8, 12, dtype=torch.float64)
    for x, y, z in (xyz + viewmat[:3, 3]).tolist():
        column, row = 9.0 * x / z + 6.2, 8.0 * y / z + 3.9
        if z > 0.2 and 0 <= column < 12 and 0 <= row < 8:
            place = int(row), int(column)
            expected[place] = max(float(expected[place]), 1 / z)
    assert expected.any()
    torch.testing.assert_close(sparse_inverse_depth(xyz, viewmat, K, 12, 8), expected)


def test_points_at_pixel_centres_come_back(tiny_cameras: Cameras) -> None:
    viewmat, K = tiny_cameras.viewmats[1], tiny_cameras.Ks[1]
    pixels = torch.tensor([[0.5, 0.5], [23.5, 19.5], [7.5, 3.5]], dtype=torch.float64)
    depths = torch.tensor([2.0, 4.0, 5.0], dtype=torch.float64)
    found = sparse_inverse_depth(unproject_points(pixels, depths, viewmat, K), viewmat, K, 24, 20)
    assert int((found > 0).sum()) == 3
    torch.testing.assert_close(found[[0, 19, 3], [0, 23, 7]], 1 / depths)
