"""Maps of uncertainty against their definitions, written out in float64; and their laws."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from gaussian_renderer.masks import (
    Evidence,
    MaskKind,
    fisher_information,
    make_mask,
    second_highest_transmittance,
)
from gaussian_renderer.rendering import mean_transmittance, render
from gaussian_renderer.views import ImageFormation
from scene import Cameras, Splats
from tests import oracles
from tests.gaussian_renderer import scenes

REFERENCE = ImageFormation(backend="reference")
KINDS: tuple[MaskKind, ...] = get_args(MaskKind)


def picture(splats: Splats, camera: Cameras) -> oracles.Picture:
    """What the oracle's loops make of one camera."""
    ellipses = scenes.oracle_ellipses(splats, scenes.oracle_camera(camera))
    return oracles.blend(ellipses, *camera.size, np.zeros(3))


def oracle_visibility(splats: Splats, training: Cameras, query: Cameras) -> np.ndarray:
    """The soft mask, straight from its definition."""
    means = []
    for row in range(len(training)):
        seen = picture(splats, training[row])
        counts = seen.pixel_count
        means.append(np.where(counts > 0, seen.transmittance_sum / np.maximum(counts, 1), 0))
    second = np.sort(np.stack(means), axis=0)[-2]
    ellipses = scenes.oracle_ellipses(splats, scenes.oracle_camera(query))
    for ellipse, value in zip(ellipses, second, strict=True):
        if ellipse is not None:
            ellipse.color = np.full(3, value)
    image = oracles.blend(ellipses, *query.size, np.zeros(3)).image.clip(0, 1)
    return 1 - np.minimum(np.linalg.norm(image, axis=-1), 1)


@pytest.mark.parametrize("count", [8, 150])
def test_visibility_is_its_definition(count: int, tiny_cameras: Cameras, tiny_splats: Splats) -> None:
    splats = tiny_splats if count == 8 else scenes.crowd(count, size=0.3)
    training, query = tiny_cameras, scenes.one_camera()
    expected = oracle_visibility(splats, training, query)
    found = make_mask("visibility", Evidence(splats, training, REFERENCE))(query)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)
    assert expected.min() < 0.5 < expected.max(), "this test needs both kinds of pixels"


@pytest.mark.parametrize("kind", KINDS)
def test_back_ends_agree(kind: MaskKind, tiny_cameras: Cameras) -> None:
    splats = scenes.crowd(150, dtype=torch.float32)
    cameras = replace(tiny_cameras, viewmats=tiny_cameras.viewmats.float(), Ks=tiny_cameras.Ks.float())
    maps = [
        make_mask(kind, Evidence(splats, cameras, ImageFormation(backend=backend)))(cameras[1])
        for backend in ("native", "reference")
    ]
    # Measured: 1e-4 at the most, where a pixel at a cut-off is counted differently.
    assert float((maps[0] - maps[1]).abs().max()) < 5e-3


@pytest.mark.cuda
def test_visibility_on_a_gpu_is_that_of_the_cpu(tiny_cameras: Cameras) -> None:
    splats = scenes.crowd(150)
    evidence = Evidence(splats, tiny_cameras, REFERENCE)
    there = Evidence(splats.to("cuda"), tiny_cameras.to("cuda"), REFERENCE)
    found = make_mask("visibility", there)(tiny_cameras[0].to("cuda"))
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), make_mask("visibility", evidence)(tiny_cameras[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_maps_are_shares_of_the_size_of_their_camera(
    kind: MaskKind, tiny_cameras: Cameras, tiny_splats: Splats
) -> None:
    found = make_mask(kind, Evidence(tiny_splats, tiny_cameras, REFERENCE))(scenes.one_camera(13, 9))
    assert found.shape == (9, 13)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize("kind", ["visibility", "fraction", "view_direction"])
def test_what_no_training_camera_sees_is_unsupported(
    kind: MaskKind, tiny_cameras: Cameras, tiny_splats: Splats
) -> None:
    away = replace(
        tiny_cameras, viewmats=tiny_cameras.viewmats @ torch.diag(torch.tensor([-1, 1, -1, 1.0])).double()
    )
    away.viewmats[:, 2, 3] = -4.0
    found = make_mask(kind, Evidence(tiny_splats, away, REFERENCE))(tiny_cameras[0])
    assert float(found.min()) == 1


@pytest.mark.parametrize("kind", ["visibility", "fraction", "view_direction"])
def test_more_training_cameras_support_no_less(
    kind: MaskKind, tiny_cameras: Cameras, tiny_splats: Splats
) -> None:
    def total(rows: list[int]) -> float:
        return float(
            make_mask(kind, Evidence(tiny_splats, tiny_cameras[rows], REFERENCE))(tiny_cameras[2]).sum()
        )

    assert total([0, 1, 2]) <= total([0, 1]) + 1e-9


def test_the_order_of_training_cameras_does_not_matter(tiny_cameras: Cameras) -> None:
    splats = scenes.crowd(60, size=0.4)
    found = [
        second_highest_transmittance(Evidence(splats, tiny_cameras[rows], REFERENCE))
        for rows in ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    ]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_two_training_cameras_are_needed(tiny_cameras: Cameras, tiny_splats: Splats) -> None:
    with pytest.raises(ValueError, match="two training cameras or more were expected, got 1"):
        make_mask("visibility", Evidence(tiny_splats, tiny_cameras[0], REFERENCE))


def test_mean_transmittance_is_one_in_front_and_none_behind_a_wall() -> None:
    wall = torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 0, -40]], dtype=torch.float64)
    splats = Splats(
        means=wall,
        quats=torch.tensor([[1.0, 0, 0, 0]] * 3).double(),
        scales=torch.full((3, 3), 9.0).double(),
        opacities=torch.full((3,), 0.999).double(),
        sh=torch.zeros(3, 1, 3).double(),
    )
    camera = Cameras(
        torch.eye(4)[None].double(),
        torch.tensor([[[9.0, 0, 4], [0, 9, 4], [0, 0, 1]]]).double(),
        torch.tensor([8]),
        torch.tensor([8]),
    )
    camera.viewmats[0, 2, 3] = 20.0
    values, seen = mean_transmittance(splats, camera, backend="reference")
    assert seen.tolist() == [True, True, False]
    assert values[0] == 1
    assert values[1] < 0.5
    assert values[2] == 0


def test_empty_sky_is_unsupported_with_the_background_filter(
    tiny_cameras: Cameras, tiny_splats: Splats
) -> None:
    evidence = Evidence(tiny_splats, tiny_cameras, REFERENCE)
    filtered = make_mask("scale", evidence, background_filter=True)(tiny_cameras[0])
    plain = make_mask("scale", evidence)(tiny_cameras[0])
    alphas = render(tiny_splats, tiny_cameras[0], backend="reference").alphas[0]
    assert bool((filtered[alphas < 0.05] == 1).all())
    assert bool((filtered[alphas > 0.2] == plain[alphas > 0.2]).all())
    assert bool((alphas < 0.05).any())


def test_fisher_information_is_the_sum_of_squared_gradients(tiny_cameras: Cameras) -> None:
    camera = tiny_cameras[0].resized(torch.tensor([6]), torch.tensor([5]))
    splats = scenes.crowd(5, spread=0.4, size=0.4)
    evidence = Evidence(splats, camera, REFERENCE)
    jacobian = torch.autograd.functional.jacobian(
        lambda means: render(replace(splats, means=means), camera, backend="reference").images.flatten(),
        splats.means,
    )
    exact = jacobian.square().sum((0, 2))
    estimates = torch.stack([fisher_information(evidence, seed) for seed in range(300)])
    error = estimates.std(0) / math.sqrt(300)
    assert bool(((estimates.mean(0) - exact).abs() <= 4 * error + 1e-12).all())
