"""PointOdyssey: geometry and labels against a scene whose every pixel is known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.geometry import project_points
from data.rearrange_pointodyssey import rearrange_sequence
from scene.datasets.pointodyssey import LabelRule, PointOdyssey, moving_labels
from tests.scene.datasets import odyssey


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odyssey")
    rearrange_sequence(odyssey.write_sequence(root / "train" / "gliding"))
    (root / "train" / "stray").mkdir()
    odyssey.write_sequence(root / "train" / "no_tracks")
    return root


def test_sequences_that_cannot_be_used_are_named(root: Path) -> None:
    videos = PointOdyssey(root, "train")
    assert videos.names == ["gliding"]
    assert videos.frame_counts == [odyssey.FRAMES]
    assert len(videos.notes) == 1
    assert "no_tracks is left out: it has no folder trajs_3d" in videos.notes[0]


@pytest.mark.parametrize(("first", "second"), [(0, 4), (3, 1)])
def test_labels_are_those_of_the_scene(root: Path, first: int, second: int) -> None:
    pair = PointOdyssey(root, "train").pair(0, first, second)
    for view, frame in ((pair.first, first), (pair.second, second)):
        sky = torch.from_numpy(odyssey.depths(frame) > 80)
        truth = torch.from_numpy(odyssey.on_square(frame))
        assert torch.equal(view.dynamic, truth)
        # Neither hidden tracks, nor those without a valid place, nor a jitter of micrometres count.
        assert torch.equal(view.labelled, ~sky)
        assert bool((view.depths[sky] == 0).all())
        assert view.depths[truth].numpy() == pytest.approx(odyssey.SQUARE_M, abs=0.5 * 1000 / 65535)


def test_nothing_moves_between_a_frame_and_itself(root: Path) -> None:
    pair = PointOdyssey(root, "train").pair(0, 2, 2)
    assert not bool(pair.first.dynamic.any())
    assert bool(pair.first.labelled.any())


def test_what_stands_still_lands_where_it_is_seen(root: Path) -> None:
    """The wall's points, told in the first camera, project into the first image at the camera's parallax."""
    pair = PointOdyssey(root, "train").pair(0, 0, 3)
    points, wall = pair.second_points(), pair.second.depths > 5
    pixels, depths = project_points(points[wall], torch.eye(4), pair.first.K)
    rows, columns = torch.nonzero(wall, as_tuple=True)
    shift = odyssey.K[0, 0] * 0.15 / odyssey.WALL_M
    assert torch.allclose(pixels[:, 0], columns + 0.5 + shift, atol=2e-2)
    assert torch.allclose(pixels[:, 1], rows + 0.5, atol=2e-2)
    assert torch.allclose(depths, torch.full_like(depths, odyssey.WALL_M), atol=0.01)


def test_far_from_all_tracks_nothing_is_labelled() -> None:
    points = np.array([[[0.0, 0, 2], [0.5, 0, 2], [9.0, 0, 2]]])
    tracks = np.array([[0.0, 0, 2], [0.6, 0, 2]])
    moved = tracks + np.array([[0, 0, 0], [0, 0.1, 0]])
    moving, labelled = moving_labels(points, np.full((1, 3), 0.4), tracks, moved, np.ones(2, bool), 1e-3)
    assert labelled.tolist() == [[True, True, False]]
    assert moving.tolist() == [[False, True, False]]
    nobody = moving_labels(points, np.full((1, 3), 0.4), tracks, moved, np.zeros(2, bool), 1e-3)
    assert not nobody[0].any()
    assert not nobody[1].any()


def test_tolerance_decides_what_stands_still(root: Path) -> None:
    videos = PointOdyssey(root, "train", LabelRule(motion_tolerance=0.5))
    assert not bool(videos.pair(0, 0, 2).first.dynamic.any())  # the square went 0.4 m
    assert bool(videos.pair(0, 0, 3).first.dynamic.any())


def test_rules_are_checked() -> None:
    with pytest.raises(ValueError, match="label_reach"):
        LabelRule(label_reach=0.0)


def test_a_missing_split_is_told(root: Path) -> None:
    with pytest.raises(UserError, match="sample does not exist"):
        PointOdyssey(root, "sample")


def test_a_split_without_usable_sequences_is_told(tmp_path: Path) -> None:
    odyssey.write_sequence(tmp_path / "train" / "raw")
    with pytest.raises(UserError, match=r"raw is left out.*rearrange_pointodyssey"):
        PointOdyssey(tmp_path, "train")


@pytest.mark.parametrize("value", [np.zeros((3, 3, 3)), np.array(["text"]), np.array([[None, 1.0]])])
def test_a_file_of_something_else_is_told(tmp_path: Path, value: np.ndarray) -> None:
    sequence = odyssey.write_sequence(tmp_path / "train" / "broken")
    rearrange_sequence(sequence)
    np.save(sequence / "intrinsics" / "intrinsic_00001.npy", value, allow_pickle=True)
    with pytest.raises(UserError, match=r"intrinsic_00001.npy holds"):
        PointOdyssey(tmp_path, "train").pair(0, 0, 1)
