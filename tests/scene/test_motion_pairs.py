"""Pairs of frames: their geometry, what captures give, and how they are drawn."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import project_points
from scene import Cameras
from scene.capture import Capture
from scene.motion_pairs import CaptureVideos, MotionPair, MotionView, PairDraw, PairRule
from tests.scene.motions import moving_capture, moving_view


def test_points_project_onto_their_pixels() -> None:
    view = moving_view(7, 5)
    pixels, depths = project_points(view.points().reshape(-1, 3), torch.eye(4), view.K)
    rows, columns = torch.meshgrid(torch.arange(5) + 0.5, torch.arange(7) + 0.5, indexing="ij")
    assert torch.allclose(pixels, torch.stack([columns, rows], -1).reshape(-1, 2), atol=1e-4)
    assert torch.allclose(depths, view.depths.flatten())


def test_without_depth_a_point_is_the_origin() -> None:
    view = replace(moving_view(4, 4), depths=torch.zeros(4, 4))
    assert bool((view.points() == 0).all())


@given(st.integers(0, 1000))
def test_reversing_twice_changes_nothing(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=random))
    transform = torch.eye(4)
    transform[:3, :3] = rotation * torch.det(rotation)
    transform[:3, 3] = torch.randn(3, generator=random)
    pair = MotionPair(moving_view(6, 4), moving_view(4, 8), transform)
    back = pair.reversed()
    assert back.first is pair.second
    assert torch.allclose(back.reversed().first_from_second, transform, atol=1e-5)
    # A point of the second frame, told in the first camera and carried back, is where it was.
    told = (
        pair.second_points().reshape(-1, 3) @ back.first_from_second[:3, :3].T + back.first_from_second[:3, 3]
    )
    assert torch.allclose(told, pair.second.points().reshape(-1, 3), atol=1e-4)


def test_captures_give_depth_labels_and_relative_poses() -> None:
    capture = moving_capture(frames=4)
    videos = CaptureVideos([capture, moving_capture(frames=2, name="other")], z_far=5.0)
    assert videos.names == ["moving", "other"]
    assert videos.frame_counts == [4, 2]
    pair = videos.pair(0, 1, 3)
    assert torch.equal(pair.first.image, capture.images[1])
    assert capture.dynamic_masks is not None
    assert torch.equal(pair.second.dynamic, capture.dynamic_masks[3])
    assert bool(pair.first.labelled.all())
    assert capture.inverse_depths is not None
    inverse = capture.inverse_depths[1]
    assert inverse is not None
    near = inverse >= 1 / 5.0
    assert 0 < int(near.sum()) < near.numel()
    assert torch.allclose(pair.first.depths[near] * inverse[near], torch.ones(int(near.sum())))
    assert bool((pair.first.depths[~near] == 0).all())
    # A world point has the same place by way of either camera.
    world = torch.tensor([0.3, -0.2, 4.0, 1.0], dtype=torch.float64)
    first, second = (capture.cameras.viewmats[frame] @ world for frame in (1, 3))
    assert torch.allclose(pair.first_from_second.double() @ second, first, atol=1e-6)


def test_pixels_that_may_not_be_supervised_have_no_label() -> None:
    capture = moving_capture(frames=2)
    valid = torch.zeros_like(capture.images[0][..., 0], dtype=torch.bool)
    valid[1] = True
    pair = CaptureVideos([replace(capture, valid_masks=[valid, valid])]).pair(0, 0, 1)
    assert torch.equal(pair.first.labelled, valid)


def test_captures_without_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="depth and dynamic masks"):
        CaptureVideos([replace(moving_capture(frames=2), dynamic_masks=None)])


counts = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@given(counts, st.integers(1, 4), st.integers(0, 5), st.integers(1, 3), st.integers(0, 10))
def test_every_draw_is_a_pair_of_a_video(
    frame_counts: list[int], smallest: int, more: int, step: int, seed: int
) -> None:
    rule = PairRule(smallest, smallest + more, step)
    if max(frame_counts) <= smallest:
        with pytest.raises(ValueError, match="was expected"):
            PairDraw(frame_counts, rule)
        return
    for video, first, second in PairDraw(frame_counts, rule)(20, torch.Generator().manual_seed(seed)):
        assert 0 <= first < second < frame_counts[video]
        assert smallest <= second - first <= smallest + more
        assert first % step == 0


def test_places_are_equally_likely_and_large_strides_likelier() -> None:
    draws = PairDraw([4, 6, 1], PairRule(1, 3, 1))(20_000, torch.Generator().manual_seed(0))
    assert len(set(draws)) == (3 + 5) + (2 + 4) + (1 + 3)
    strides = torch.tensor([second - first for _, first, second in draws]).bincount()[1:] / len(draws)
    assert torch.allclose(strides, torch.tensor([2.0, 3.0, 4.0]) / 9, atol=0.015)
    largest = [(video, first) for video, first, second in draws if second - first == 3]
    for place in set(largest):
        assert largest.count(place) / len(largest) == pytest.approx(1 / 4, abs=0.02)


@pytest.mark.parametrize("wrong", [(0, 3, 1), (4, 3, 1), (1, 3, 0)])
def test_rules_are_checked(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"was expected|at least 1"):
        PairRule(*wrong)


def test_the_types_are_what_they_say() -> None:
    capture = moving_capture(frames=3)
    assert isinstance(capture, Capture)
    assert isinstance(capture.cameras, Cameras)
    assert isinstance(moving_view(3, 3), MotionView)
