"""Held-out cameras find back to where their photographs were taken."""

from dataclasses import replace

import torch

from core.geometry import invert_se3
from gaussian_renderer import render
from tests.training.captures import HEIGHT, WIDTH, ring, truth
from training.pose_refinement import se3_exp
from training.test_poses import RefinePosesOptions, refine_poses


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Angle plus relative shift between transforms, the largest over all cameras."""
    return float((invert_se3(one) @ other - torch.eye(4)).abs().amax())


def photographs() -> list[torch.Tensor]:
    with torch.no_grad():
        images = render(truth(), ring(6), backend="reference").images
    return list((images.clamp(0, 1) * 255).round().to(torch.uint8))


STATIC = [torch.ones(HEIGHT, WIDTH, dtype=torch.bool)] * 6
OFF = torch.tensor([0.01, -0.015, 0.01, 0.03, 0.04, -0.02])


def test_cameras_are_found_and_gaussians_stay() -> None:
    splats = truth()
    before = splats.means.clone()
    cameras = replace(ring(6), viewmats=se3_exp(OFF) @ ring(6).viewmats)[[0, 3]]
    images = [photographs()[view] for view in (0, 3)]
    found = refine_poses(
        splats, cameras, images, STATIC[:2], RefinePosesOptions(refine_steps=40, refine_lr_init=2e-3)
    )
    right = ring(6).viewmats[[0, 3]]
    assert distance(found.viewmats, right) < 0.5 * distance(cameras.viewmats, right)
    assert torch.equal(splats.means, before)
    assert torch.equal(found.Ks, cameras.Ks)


def test_what_moves_has_no_say() -> None:
    images = photographs()[:1]
    static = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    static[:, : WIDTH // 2] = False
    spoilt = images[0].clone()
    spoilt[:, : WIDTH // 2] = 255
    options = RefinePosesOptions(refine_steps=10)
    cameras = replace(ring(6), viewmats=se3_exp(OFF) @ ring(6).viewmats)[0]
    found = [refine_poses(truth(), cameras, [image], [static], options) for image in (images[0], spoilt)]
    assert torch.equal(found[0].viewmats, found[1].viewmats)


def test_a_camera_that_is_right_stays_or_is_no_worse() -> None:
    images = photographs()
    found = refine_poses(truth(), ring(6)[:3], images[:3], STATIC[:3], RefinePosesOptions(refine_steps=5))
    for row in range(3):
        with torch.no_grad():
            here, there = (
                (render(truth(), each[row], backend="reference").images[0] - images[row] / 255).abs().mean()
                for each in (found, ring(6))
            )
        assert float(here) <= float(there) + 1e-7


def test_no_camera_is_no_work() -> None:
    assert len(refine_poses(truth(), ring(6)[[]], [], [])) == 0


def test_an_exposure_takes_part() -> None:
    darker = [(image * 0.5).to(torch.uint8) for image in photographs()[:1]]
    exposure = 0.5 * torch.eye(3, 4)[None]
    options = RefinePosesOptions(refine_steps=20, refine_lr_init=2e-3)
    cameras = replace(ring(6), viewmats=se3_exp(OFF) @ ring(6).viewmats)[0]
    found = refine_poses(
        truth(),
        cameras,
        darker,
        STATIC[:1],
        options,
        develop=lambda image, row: image @ exposure[row, :, :3].T + exposure[row, :, 3],
    )
    right = ring(6).viewmats[:1]
    assert distance(found.viewmats, right) < 0.7 * distance(cameras.viewmats, right)
