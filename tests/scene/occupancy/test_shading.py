from dataclasses import replace

import pytest
import torch

from scene.occupancy.casting import Rays
from scene.occupancy.sequence import Grid
from scene.occupancy.shading import Light, shade, sky

CUBES = Grid((12, 12, 6), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
GREY = torch.tensor([[0.0, 0, 0], [0.5, 0.5, 0.5], [0.4, 0.0, 0.0]])
PLAIN = Light(sun_colour=(0.5, 0.5, 0.5), sky_colour=(0.5, 0.5, 0.5), joints=0.0)


def floor() -> torch.Tensor:
    voxels = torch.zeros(CUBES.size, dtype=torch.uint8)
    voxels[:, :, 0] = 1
    return voxels


def from_above(*places: tuple[float, float]) -> Rays:
    origins = torch.tensor([[x, y, 9.0] for x, y in places])
    return Rays(origins, torch.tensor([[0.0, 0, -1]]).expand_as(origins))


def seen(voxels: torch.Tensor, light: Light, *places: tuple[float, float]) -> list[float]:
    colours, _ = shade(voxels, CUBES, GREY, from_above(*places), light)
    return colours[:, 0].tolist()


def test_an_open_floor_has_the_light_of_sky_and_sun() -> None:
    assert seen(floor(), PLAIN, (6.5, 6.5)) == pytest.approx([0.5 * (0.5 + 0.5 * 0.8)])


def test_a_wall_throws_a_shadow_away_from_the_sun() -> None:
    voxels = floor()
    voxels[6, 4:8, 1:4] = 1
    light = replace(PLAIN, sun=(-0.8, 0.0, 0.6), corners=0.0)
    behind, before = seen(voxels, light, (8.5, 6.0), (4.5, 6.0))
    assert behind == pytest.approx(0.25)
    assert before == pytest.approx(0.5 * (0.5 + 0.5 * 0.6))


def test_corners_are_darker_and_smooth() -> None:
    voxels = floor()
    voxels[6, :, 1:4] = 1
    light = replace(PLAIN, sun_colour=(0.0, 0.0, 0.0), corners=0.3)
    at_the_wall, between, away = seen(voxels, light, (5.999, 6.0), (5.5, 6.0), (4.99, 6.0))
    # Beside a straight wall two of three neighbours of a corner are solid.
    assert at_the_wall == pytest.approx(0.25 * (1 - 0.3 * 2 / 3), abs=1e-3)
    assert between == pytest.approx((at_the_wall + away) / 2, abs=1e-3)
    assert away == pytest.approx(0.25, abs=1e-3)


def test_joints_lie_at_the_edges_of_voxels() -> None:
    light = replace(PLAIN, joints=0.5)
    edge, middle = seen(floor(), light, (6.02, 6.5), (6.5, 6.5))
    assert edge < 0.8 * middle


def test_haze_hides_what_is_far() -> None:
    near, far = (
        shade(floor(), CUBES, GREY, from_above((6.5, 6.5)), replace(PLAIN, haze_m=metres))[0][0]
        for metres in (1e4, 0.5)
    )
    torch.testing.assert_close(far, torch.tensor(PLAIN.horizon))
    assert near[0].item() == pytest.approx(0.45, abs=1e-3)


def test_behind_everything_is_the_sky() -> None:
    up = Rays(torch.tensor([[5.0, 5, 3], [5, 5, 3]]), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    colours, hits = shade(floor(), CUBES, GREY, up, PLAIN)
    assert not hits.found.any()
    torch.testing.assert_close(colours, sky(up, CUBES, PLAIN))
    torch.testing.assert_close(colours, torch.tensor([PLAIN.zenith, PLAIN.horizon]))


def test_the_grid_s_border_is_open() -> None:
    corner, middle = seen(floor(), PLAIN, (0.01, 0.01), (6.5, 6.5))
    assert corner == pytest.approx(middle)
