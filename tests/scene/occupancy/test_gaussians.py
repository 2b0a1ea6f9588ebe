from pathlib import Path

import pytest
import torch

from core.ply import read_splats_ply, write_splats_ply
from gaussian_renderer import render
from scene import Cameras
from scene.occupancy.classes import CARLASC
from scene.occupancy.gaussians import to_splat_arrays, to_splats
from scene.occupancy.sequence import Grid
from tests.scene.occupancy.streets import GRID, street

CUBE = Grid((5, 5, 5), (0.0, 0.0, 0.0), (0.4, 0.4, 0.4))


def test_one_for_each_voxel_that_is_seen() -> None:
    voxels = torch.zeros(CUBE.size, dtype=torch.uint8)
    voxels[1:4, 1:4, 1:4] = 10
    splats = to_splats(voxels, CARLASC, CUBE)
    assert len(splats) == 26  # all but the middle
    centre = torch.full((3,), 2.5 * 0.4)
    torch.testing.assert_close(splats.means.mean(0), centre)
    # A corner fills its box; the middle of a face is a sheet at that face.
    corner = (splats.means - 0.6).norm(dim=1).argmin()
    torch.testing.assert_close(splats.scales[corner], torch.full((3,), 0.2))
    top = (splats.means - torch.tensor([1.0, 1.0, 1.6])).norm(dim=1).argmin()
    assert splats.scales[top, 2] < 0.06
    assert 1.5 < splats.means[top, 2] < 1.6


def test_files_for_viewers(tmp_path: Path) -> None:
    splats = to_splats(street().classes[0], CARLASC, GRID)
    write_splats_ply(tmp_path / "a.ply", to_splat_arrays(splats))
    read = read_splats_ply(tmp_path / "a.ply")
    torch.testing.assert_close(torch.from_numpy(read.means), splats.means)
    torch.testing.assert_close(torch.from_numpy(read.log_scales).exp(), splats.scales)
    torch.testing.assert_close(torch.from_numpy(read.logit_opacities).sigmoid(), splats.opacities)
    torch.testing.assert_close(torch.from_numpy(read.sh), splats.sh)


def test_the_renderer_shows_the_colours_of_classes() -> None:
    voxels = torch.zeros(CUBE.size, dtype=torch.uint8)
    voxels[:, :, 0] = 10
    from_above = torch.tensor([[0.0, -1, 0, 1], [-1, 0, 0, 1], [0, 0, -1, 3], [0, 0, 0, 1]])
    K = torch.tensor([[40.0, 0, 16], [0, 40, 16], [0, 0, 1]])
    size = torch.tensor([32])
    cameras = Cameras(from_above[None], K[None], size, size)
    image = render(to_splats(voxels, CARLASC, CUBE), cameras).images[0]
    expected = [channel / 255 for channel in CARLASC.colours[10]]
    assert image[16, 16].tolist() == pytest.approx(expected, abs=0.05)  # 0.037: behind the sheet it is black
