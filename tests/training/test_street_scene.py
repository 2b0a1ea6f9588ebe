"""What is drawn of a street: its parts, the sky behind, exposures between those that were learned."""

from pathlib import Path

import pytest
import torch

from core import ply
from scene.cameras import Cameras
from scene.capture import PointCloud
from scene.drive import Drive
from scene.gaussian_model import StaticGaussians
from scene.sky import Sky, SkyConfig
from scene.street_gaussians import StreetGaussians
from training.street_scene import StreetScene

CAMERA = Cameras(
    torch.eye(4)[None],
    torch.tensor([[[20.0, 0, 12], [0, 20, 8], [0, 0, 1]]]),
    torch.tensor([24]),
    torch.tensor([16]),
)


def ball(x: float, rgb: tuple[int, int, int]) -> StaticGaussians:
    points = PointCloud(torch.tensor([[x, 0.0, 5.0]]), torch.tensor([rgb], dtype=torch.uint8))
    return StaticGaussians.from_points(points, sh_degree=0, opacity=0.95, sizes=torch.tensor([0.3]))


@pytest.fixture
def scene() -> StreetScene:
    """A red ball on the left stands; a green one comes from the right and is in the middle after 1 s."""
    still = StreetGaussians.standing(ball(-2.0, (255, 0, 0)), None, 2.0)
    street = still.joined(
        ball(2.0, (0, 255, 0)), torch.tensor([[-2.0, 0, 0]]), torch.zeros(1), span_s=9.0, gate=0.999
    )
    return StreetScene(street, None, None)


def test_parts(scene: StreetScene) -> None:
    views = {parts: scene.draw(CAMERA, 1.0, parts=parts) for parts in ("all", "still", "moving")}
    left, middle = (8, 4), (8, 12)
    for parts, red, green in (("all", 0.8, 0.8), ("still", 0.8, 0.0), ("moving", 0.0, 0.8)):
        image = views[parts].image  # pyright: ignore[reportArgumentType]
        assert image[(*left, 0)] == pytest.approx(red, abs=0.16)
        assert image[(*middle, 1)] == pytest.approx(green, abs=0.16)
    assert views["all"].moving[middle] > 0.8
    assert views["all"].moving[left] < 0.01
    assert views["all"].depth[middle] == pytest.approx(5, rel=1e-3)


def test_it_is_elsewhere_at_another_time(scene: StreetScene) -> None:
    assert scene.draw(CAMERA, 0.0).image[8, 20, 1] > 0.8
    assert scene.draw(CAMERA, 0.0).image[8, 12, 1] < 0.1


def test_the_sky_shows_where_nothing_is(scene: StreetScene) -> None:
    sky = Sky(SkyConfig(sky_rows=8))
    with torch.no_grad():
        sky.texture.fill_(0.25)
    blue = StreetScene(scene.model, sky, None)
    image = blue.draw(CAMERA, 1.0).image
    torch.testing.assert_close(image[0, 0], torch.full((3,), 0.25), atol=1e-3, rtol=0)
    assert image[8, 4, 2] < 0.1


def test_parts_on_black_stay_on_black(scene: StreetScene) -> None:
    """Whatever the exposure; while the whole is as in training, where the dark is exposed too."""
    brighter = torch.eye(3, 4)
    brighter[:, 3] = 0.2
    corner, middle = (0, 0), (8, 12)
    for parts in ("still", "moving"):
        plain, exposed = (
            scene.draw(CAMERA, 1.0, parts=parts, transform=transform)  # pyright: ignore[reportArgumentType]
            for transform in (None, brighter)
        )
        assert (exposed.raw[corner] == 0).all()
        assert ((exposed.raw - plain.raw) <= 0.2 + 1e-6).all()
    assert exposed.raw[middle][0] == pytest.approx(0.2 * float(exposed.moving[middle]), abs=0.02)
    torch.testing.assert_close(scene.draw(CAMERA, 1.0, transform=brighter).raw[corner], torch.full((3,), 0.2))
    sky = StreetScene(scene.model, Sky(SkyConfig(sky_rows=8)), None)
    shown = sky.draw(CAMERA, 1.0, parts="still", transform=brighter).raw[corner]
    torch.testing.assert_close(shown, torch.full((3,), 0.7), atol=1e-3, rtol=0)


def test_colours_of_a_view_between_two_that_trained(scene: StreetScene) -> None:
    times = torch.tensor([0.0, 0.0, 1.0, 4.0], dtype=torch.float64)
    poses = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    drive = Drive(
        camera_names=("a", "b"),
        view_cameras=torch.tensor([0, 1, 0, 0]),
        view_frames=torch.tensor([0, 0, 1, 2]),
        view_times_s=times,
        frame_times_s=times[1:],
        world_from_ego=poses,
        sweeps=[None] * 3,
    )
    one, two = torch.eye(3, 4), 2 * torch.eye(3, 4)
    learned = StreetScene(scene.model, None, {0: one, 3: two})
    assert torch.equal(learned.transform_of(3, drive), two)  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(learned.transform_of(2, drive), 1.25 * one)
    assert learned.transform_of(1, drive) is None
    assert scene.transform_of(2, drive) is None


def test_gaussians_of_one_moment(scene: StreetScene, tmp_path: Path) -> None:
    scene.save_ply(tmp_path / "now.ply", 1.0)
    means = ply.read_splats_ply(tmp_path / "now.ply").means
    assert means[:, 0].tolist() == pytest.approx([-2, 0], abs=0.01)
    with torch.no_grad():
        scene.model.parameters["log_spans"].fill_(-3.0)
    scene.save_ply(tmp_path / "later.ply", 1.0)
    assert len(ply.read_splats_ply(tmp_path / "later.ply").means) == 1
