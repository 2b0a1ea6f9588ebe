"""Gaussians from depth: they lie on the surfaces, each surface once, and holes are filled."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import look_at, project_points
from scene import Cameras, Capture, PointCloud, depth_points
from scene.depth_points import (
    DepthPointsConfig,
    fill_holes,
    median_depth,
    most_starting_gaussians,
    points_from_depths,
    starting_gaussians,
)

WIDTH, HEIGHT, VIEWS, DEPTH = 48, 36, 4, 5.0
CONFIG = DepthPointsConfig(cell_px=3.0)


def wall_capture(depth_known: bool = True) -> Capture:
    """Cameras that slide along a wall at z = 0, a distance of `DEPTH` away, and look at it squarely."""
    eyes = torch.tensor([[0.2 * view, 0.0, -DEPTH] for view in range(VIEWS)])
    c2w = look_at(eyes, eyes + torch.tensor([0.0, 0, 1]), torch.tensor([0.0, -1, 0]).expand(VIEWS, 3))
    K = torch.tensor([[40.0, 0, WIDTH / 2], [0, 40.0, HEIGHT / 2], [0, 0, 1]])
    cameras = Cameras(
        torch.linalg.inv(c2w),
        K.repeat(VIEWS, 1, 1),
        torch.full((VIEWS,), WIDTH),
        torch.full((VIEWS,), HEIGHT),
    )
    return Capture(
        name="wall",
        source=Path("wall"),
        cameras=cameras,
        image_names=tuple(f"{view}.png" for view in range(VIEWS)),
        images=[torch.full((HEIGHT, WIDTH, 3), 40 * view + 10, dtype=torch.uint8) for view in range(VIEWS)],
        inverse_depths=[torch.full((HEIGHT, WIDTH), 1 / DEPTH) for _ in range(VIEWS)]
        if depth_known
        else None,
    )


def test_points_lie_on_the_surface_and_know_their_size() -> None:
    points = points_from_depths(wall_capture(), range(VIEWS), CONFIG)
    assert points is not None
    torch.testing.assert_close(points.cloud.xyz[:, 2], torch.zeros(len(points.cloud)), atol=1e-5, rtol=0)
    torch.testing.assert_close(points.sizes, torch.full((len(points.cloud),), 0.5 * 3 * DEPTH / 40))


def test_a_surface_seen_by_all_is_taken_from_one() -> None:
    """The wall's far end, which the later views add, is all that they add, but for rounding of cells."""
    alone = points_from_depths(wall_capture(), [0], CONFIG)
    together = points_from_depths(wall_capture(), range(VIEWS), CONFIG)
    assert alone is not None
    assert together is not None
    assert len(alone.cloud) == (WIDTH // 3) * (HEIGHT // 3)
    # The cameras move by 0.6 in all, a tenth of the 6 units that an image shows.
    assert len(alone.cloud) < len(together.cloud) < 1.25 * len(alone.cloud)
    assert torch.equal(together.cloud.xyz[: len(alone.cloud)], alone.cloud.xyz)


def test_surfaces_at_other_depths_are_not_taken_for_one() -> None:
    capture = wall_capture()
    assert capture.inverse_depths is not None
    nearer = [
        capture.inverse_depths[0],
        *(2 * each for each in capture.inverse_depths[1:] if each is not None),
    ]
    alone = points_from_depths(capture, [0], CONFIG)
    both = points_from_depths(replace(capture, inverse_depths=nearer), [0, 1], CONFIG)
    assert alone is not None
    assert both is not None
    assert len(both.cloud) == 2 * len(alone.cloud)


def test_what_always_moves_is_made_up_from_around_it() -> None:
    capture = wall_capture()
    moving = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    moving[:, : WIDTH // 2] = True
    images = [torch.where(moving[..., None], 255, 90).to(torch.uint8).expand(-1, -1, 3)] * VIEWS
    points = points_from_depths(replace(capture, images=images, dynamic_masks=[moving] * VIEWS), [0], CONFIG)
    assert points is not None
    pixels, depths = project_points(points.cloud.xyz, capture.cameras.viewmats[0], capture.cameras.Ks[0])
    assert len(pixels) == (WIDTH // 3) * (HEIGHT // 3)
    # Behind the moving thing is the wall, in the wall's depth and colour; nothing of the thing is left.
    torch.testing.assert_close(depths, torch.full_like(depths, DEPTH), rtol=1e-4, atol=0)
    behind = pixels[:, 0] < WIDTH / 2 - 3  # not in the cells on the edge
    assert bool(behind.any())
    assert bool((points.cloud.rgb[behind] == 90).all())


def test_holes_are_filled_once_with_what_is_around_them() -> None:
    capture = wall_capture()
    holed = torch.full((HEIGHT, WIDTH), 1 / DEPTH)
    holed[9:18, 12:24] = 0
    full = points_from_depths(capture, [0], CONFIG)
    filled = points_from_depths(replace(capture, inverse_depths=[holed] * VIEWS), [0], CONFIG)
    assert full is not None
    assert filled is not None
    assert len(filled.cloud) == len(full.cloud)
    torch.testing.assert_close(filled.cloud.xyz[:, 2], torch.zeros(len(full.cloud)), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("most", "least"), [(60, 20), (1, 1)])
def test_the_number_of_points_is_bounded(most: int, least: int) -> None:
    points = points_from_depths(wall_capture(), range(VIEWS), replace(CONFIG, max_points=most))
    assert points is not None
    assert least <= len(points.cloud) <= most


@pytest.mark.parametrize("depth_known", [True, False])
@pytest.mark.parametrize("cell_px", [3.0, 7.0])
def test_the_number_is_bounded_beforehand(cell_px: float, depth_known: bool) -> None:
    capture, config = wall_capture(depth_known), replace(CONFIG, cell_px=cell_px)
    if depth_known:
        capture = replace(capture, inverse_depths=[torch.rand(HEIGHT, WIDTH) + 0.1 for _ in range(VIEWS)])
    model, _ = starting_gaussians(capture, range(VIEWS), config, sh_degree=0, opacity=0.5)
    bound = most_starting_gaussians(capture, range(VIEWS), config)
    assert len(model) <= bound <= max(10_000, VIEWS * WIDTH * HEIGHT / cell_px**2 + 1)
    assert most_starting_gaussians(wall_capture(), range(VIEWS), replace(config, max_points=5)) == 5


def test_far_too_many_points_are_not_gathered_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    add = depth_points._Gathered.add

    def counted(self: depth_points._Gathered, xyz: torch.Tensor, *rest: torch.Tensor) -> None:
        nonlocal made
        made += len(xyz)
        add(self, xyz, *rest)

    monkeypatch.setattr(depth_points._Gathered, "add", counted)
    points = points_from_depths(wall_capture(), range(VIEWS), DepthPointsConfig(cell_px=1.0, max_points=40))
    assert points is not None
    assert len(points.cloud) >= 20
    assert made < WIDTH * HEIGHT + 5 * 40 * VIEWS


@given(st.integers(0, 200), st.floats(0.02, 0.98))
@settings(max_examples=25, deadline=None)
def test_filling_keeps_what_is_known_and_stays_in_its_range(seed: int, share: float) -> None:
    random = torch.Generator().manual_seed(seed)
    values = torch.rand(13, 18, generator=random) + 0.1
    known = torch.rand(13, 18, generator=random) < share
    filled = fill_holes(torch.where(known, values, 0))
    assert torch.equal(filled[known], values[known])
    if known.any():
        assert float(filled.min()) >= float(values[known].min()) - 1e-6
        assert float(filled.max()) <= float(values[known].max()) + 1e-6
    else:
        assert not filled.any()


def test_without_depth_the_capture_points_serve_and_without_those_random_ones() -> None:
    capture = wall_capture(depth_known=False)
    assert points_from_depths(capture, range(VIEWS), CONFIG) is None
    cloud = PointCloud(torch.rand(30, 3), torch.zeros(30, 3, dtype=torch.uint8))
    model, depth = starting_gaussians(
        replace(capture, points=cloud), range(VIEWS), CONFIG, sh_degree=1, opacity=0.4
    )
    assert len(model) == 30
    assert depth == pytest.approx(DEPTH + 0.5, abs=0.3)
    random, _ = starting_gaussians(capture, range(VIEWS), CONFIG, sh_degree=1, opacity=0.4)
    assert len(random) == 10_000
    empty = replace(capture, inverse_depths=[torch.zeros(HEIGHT, WIDTH)] * VIEWS)
    assert points_from_depths(empty, range(VIEWS), CONFIG) is None


def test_opacity_does_not_depend_on_the_number_of_frames() -> None:
    for views in ([0], range(VIEWS)):
        model, depth = starting_gaussians(wall_capture(), views, CONFIG, sh_degree=0, opacity=0.4)
        torch.testing.assert_close(
            model.parameters["logit_opacities"].detach().sigmoid(), torch.full((len(model),), 0.4)
        )
        assert depth == pytest.approx(DEPTH)


def test_points_behind_all_cameras_have_no_depth() -> None:
    cloud = PointCloud(torch.tensor([[0.0, 0, -20]]), torch.zeros(1, 3, dtype=torch.uint8))
    assert median_depth(cloud, wall_capture(), range(VIEWS)) == 1.0


@pytest.mark.parametrize("name", ["cell_px", "depth_tolerance", "point_scale"])
def test_bad_settings_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        DepthPointsConfig(**{name: 0.0})
