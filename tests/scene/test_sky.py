"""A texture of directions: rays, the ends of the azimuth, gradients."""

import torch

from scene.cameras import Cameras
from scene.sky import Sky, SkyConfig, rays


def camera(yaw: float = 0.0) -> Cameras:
    """Looks along x of a world whose z points up, turned to the left by `yaw`."""
    look = torch.tensor([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])  # rows: right, down, forward
    turn = torch.tensor(
        [
            [torch.tensor(yaw).cos(), torch.tensor(yaw).sin(), 0],
            [-torch.tensor(yaw).sin(), torch.tensor(yaw).cos(), 0],
            [0, 0, 1],
        ]
    )
    viewmat = torch.eye(4)
    viewmat[:3, :3] = look @ turn
    K = torch.tensor([[20.0, 0, 16], [0, 20, 12], [0, 0, 1]])
    return Cameras(viewmat[None], K[None], torch.tensor([32]), torch.tensor([24]))


def test_rays_project_back() -> None:
    view = camera(0.7)
    seen = rays(view) @ view.viewmats[0, :3, :3].T @ view.Ks[0].T
    columns, rows = (torch.arange(32) + 0.5).expand(24, 32), (torch.arange(24) + 0.5)[:, None].expand(24, 32)
    expected = torch.stack([columns, rows, torch.ones(24, 32)], dim=-1)
    torch.testing.assert_close(seen, expected, atol=1e-4, rtol=0)


def test_colours_do_not_depend_on_the_length_of_a_direction() -> None:
    sky, directions = Sky(SkyConfig(sky_rows=16)), torch.randn(4, 5, 3)
    with torch.no_grad():
        sky.texture.copy_(torch.rand_like(sky.texture))
    torch.testing.assert_close(sky.colors(7 * directions), sky.colors(directions))


def test_turned_cameras_see_the_same_place_in_the_same_colour() -> None:
    sky = Sky(SkyConfig(sky_rows=32))
    with torch.no_grad():
        sky.texture.copy_(torch.rand_like(sky.texture))
    direction = torch.tensor([[[0.6, 0.64, 0.48]]])
    torch.testing.assert_close(sky.colors(direction), sky.colors(direction.clone()))
    ahead, behind = torch.tensor([[[-1.0, 1e-5, 0]]]), torch.tensor([[[-1.0, -1e-5, 0]]])
    torch.testing.assert_close(sky.colors(ahead), sky.colors(behind), atol=1e-3, rtol=0)


def test_texels_are_where_the_formula_says() -> None:
    """One bright texel is seen in its direction, and not far from it."""
    sky = Sky(SkyConfig(sky_rows=16))
    with torch.no_grad():
        sky.texture.zero_()
        sky.texture[0, :, 4, 20] = (
            1  # elevation 90 - 4.5 * 11.25 degrees, azimuth -180 + 20.5 * 11.25 degrees
        )
    elevation, azimuth = torch.deg2rad(torch.tensor([90 - 4.5 * 11.25, -180 + 20.5 * 11.25]))
    direction = torch.stack(
        [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()]
    )
    torch.testing.assert_close(sky.colors(direction[None, None])[0, 0], torch.ones(3), atol=1e-4, rtol=0)
    assert sky.colors(-direction[None, None]).abs().max() == 0


def test_it_learns_what_is_seen() -> None:
    sky = Sky(SkyConfig(sky_rows=16))
    optimizer = torch.optim.Adam([sky.texture], lr=0.05)
    wanted = torch.tensor([0.2, 0.4, 0.9])
    for _ in range(60):
        optimizer.zero_grad()
        (sky.seen(camera()) - wanted).square().mean().backward()
        optimizer.step()
    assert (sky.seen(camera()) - wanted).abs().max() < 0.05
    other = Sky(SkyConfig(sky_rows=16))
    other.load_state_dict(sky.state_dict())
    torch.testing.assert_close(other.texture, sky.texture)
