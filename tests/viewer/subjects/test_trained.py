"""Runs of the static and the dynamic method, drawn as their own renderings are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.run_folder import RunFolder
from gaussian_renderer.views import ImageFormation, draw
from scene.splits import Split
from tests.training.captures import tiny_capture, truth
from training.dynamic import DynamicConfig
from training.runs import TrainedRun
from training.static import StaticConfig
from viewer.eyes import fitted, scaled
from viewer.subject import ALPHA, DEPTH, ERROR, PHOTOGRAPH, RENDER, Subject, Wish
from viewer.subjects.drawing import error_picture
from viewer.subjects.trained import TrainedSubject

SPLIT = Split((0, 1, 2, 3), (4, 5), "all")


def run(folder: Path) -> TrainedRun:
    exposures = {"001.png": torch.cat([0.5 * torch.eye(3), torch.zeros(3, 1)], dim=1)}
    config, capture = StaticConfig(), tiny_capture()
    return TrainedRun(
        RunFolder(folder), folder, config, capture, SPLIT, 7, truth(), torch.ones(3), False, exposures
    )


@pytest.fixture
def still(tmp_path: Path) -> TrainedSubject:
    return TrainedSubject(run(tmp_path), "still")


@pytest.fixture
def moving(tmp_path: Path) -> TrainedSubject:
    capture = tiny_capture(masks=True)
    height, width = capture.images[0].shape[:2]
    probabilities = [torch.linspace(0, 1, width).repeat(height, 1) for _ in range(len(capture))]
    masks = [each > 0.5 for each in probabilities]
    capture = replace(capture, dynamic_masks=masks, dynamic_probabilities=probabilities)
    predicted = replace(capture.cameras, viewmats=capture.cameras.viewmats.clone())
    predicted.viewmats[:, 0, 3] += 0.1
    return TrainedSubject(
        replace(run(tmp_path), config=DynamicConfig(), capture=capture, blurred_by=predicted), "moving"
    )


def test_it_is_a_subject(still: TrainedSubject, tmp_path: Path) -> None:
    assert isinstance(still, Subject)
    assert still.channels == (RENDER, DEPTH, ALPHA, PHOTOGRAPH, ERROR)
    assert [view.trained for view in still.views] == [True] * 4 + [False] * 2
    assert (still.count, still.folder, still.moments_s, still.paths) == (24, tmp_path, (), {})


def test_renderings_are_those_of_the_run(still: TrainedSubject) -> None:
    for view in (1, 2):
        camera = still.views[view].camera
        expected = next(
            draw(truth(), camera, ImageFormation(torch.ones(3)), develop=still.run.develop([view]))
        )
        np.testing.assert_array_equal(still.draw(camera, Wish(view=view)), expected.image)
    free = still.draw(still.views[1].camera, Wish())
    assert np.abs(free.astype(int) - still.draw(still.views[1].camera, Wish(view=1))).max() > 5, "exposure"


def test_photographs_and_errors_are_there_at_views_in_any_size(still: TrainedSubject) -> None:
    photograph = still.run.capture.images[2].numpy()
    camera = still.views[2].camera
    at = Wish(view=2)
    np.testing.assert_array_equal(still.draw(camera, replace(at, channel=PHOTOGRAPH)), photograph)
    error = error_picture(still.draw(camera, at), photograph)
    np.testing.assert_array_equal(still.draw(camera, replace(at, channel=ERROR)), error)
    small = fitted(camera, 16, 16)
    width, height = small.size
    np.testing.assert_array_equal(still.draw(small, replace(at, channel=ERROR)), scaled(error, width, height))


def test_what_needs_a_photograph_is_a_rendering_elsewhere(still: TrainedSubject) -> None:
    camera = still.views[3].camera
    np.testing.assert_array_equal(still.draw(camera, Wish(channel=PHOTOGRAPH)), still.draw(camera, Wish()))


def test_depth_has_one_range_and_alpha_is_gray(still: TrainedSubject) -> None:
    camera = still.views[0].camera
    assert still.draw(camera, Wish(channel=DEPTH)).std() > 10
    alpha = still.draw(camera, Wish(channel=ALPHA))
    assert (alpha == alpha[..., :1]).all()
    assert alpha.max() > 200


def test_the_same_wish_keeps_its_gaussians(still: TrainedSubject) -> None:
    wish = Wish(scale=0.5, crop=((-0.2,) * 3, (9.0,) * 3))
    assert still.splats(wish) is still.splats(replace(wish, channel=DEPTH, view=3))
    assert 0 < len(still.splats(wish)) < 24


def test_what_a_video_knows_besides(moving: TrainedSubject) -> None:
    assert moving.channels[-2:] == ("masks", "staticness")
    assert set(moving.paths) == {"recovered", "predicted"}
    np.testing.assert_allclose(moving.paths["recovered"], moving.run.capture.cameras.centers, atol=1e-6)
    camera = moving.views[2].camera
    staticness = moving.draw(camera, Wish(channel="staticness", view=2))
    assert staticness[0, 0, 0] > staticness[0, -1, 0] + 100
    masks, photograph = (moving.draw(camera, Wish(channel=c, view=2)) for c in ("masks", PHOTOGRAPH))
    np.testing.assert_array_equal(masks[:, :16], photograph[:, :16])
    assert (masks[:, 16:] != photograph[:, 16:]).any(-1).mean() > 0.9
