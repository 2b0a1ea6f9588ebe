"""Labels from ground truth: none for a world at rest, and on a synthetic video those of what moves."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sintel_dynamic_labels import dynamic_label, ego_flow, main
from data.synthetic.poses import pose
from scene.datasets.sintel import open_sequence
from tests.data.captures import NAME

K = np.array([[50.0, 0, 10.0], [0, 52.0, 7.0], [0, 0, 1]])


@pytest.fixture(scope="module")
def training(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("labels") / "training"
    shutil.copytree(video / "sintel" / "training", copy)
    return copy


@given(x=st.floats(-0.5, 0.5), y=st.floats(-0.5, 0.5), yaw=st.floats(-20, 20), far=st.floats(2, 50))
def test_ego_flow_of_a_plane_is_that_of_its_points(x: float, y: float, yaw: float, far: float) -> None:
    """One pixel at a time, by projecting its point."""
    there = np.linalg.inv(pose((x, 0.1, y), pitch=yaw))
    depth = np.full((14, 20), far, np.float32)
    flow = ego_flow(depth, (K, np.eye(4)), (K, there))
    for row, column in ((0, 0), (7, 10), (13, 19)):
        pixel = np.array([column + 0.5, row + 0.5])
        point = np.linalg.inv(K) @ np.append(pixel, 1.0) * np.float32(far)
        moved = K @ (there[:3, :3] @ point + there[:3, 3])
        np.testing.assert_allclose(flow[row, column], moved[:2] / moved[2] - pixel, atol=1e-6)


def test_points_that_are_not_seen_have_no_flow() -> None:
    depth = np.full((4, 4), 3.0, np.float32)
    depth[0, 0] = 0
    behind = np.linalg.inv(pose((0, 0, 5)))
    assert np.isnan(ego_flow(depth, (K, np.eye(4)), (K, np.eye(4)))[0, 0]).all()
    assert np.isnan(ego_flow(depth, (K, np.eye(4)), (K, behind))).all()


def test_labels_are_on_what_moves_alone(training: Path) -> None:
    sequence = open_sequence(training, NAME)
    label, moving = dynamic_label(sequence, 0, 0.1), sequence.dynamic_mask(0)
    assert moving is not None
    assert not (label & ~moving).any()
    # A foot on the ground rests; what moves as a whole is labelled almost whole.
    assert label.sum() > 0.6 * moving.sum()
    assert 0 < dynamic_label(sequence, 0, 2.0).sum() < label.sum()


def test_every_frame_but_the_last_gets_a_label(training: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--training", str(training), "--labels", "labels"]) == 0
    assert "labels of 1 sequences" in capsys.readouterr().err
    made = training / "labels" / NAME
    assert [path.name for path in made.iterdir()] == ["frame_0001.png"]
    stored = cv2.imread(str(made / "frame_0001.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(stored)) == {0, 255}
    np.testing.assert_array_equal(stored == 255, dynamic_label(open_sequence(training, NAME), 0, 0.1))


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--threshold-px", "0"], "--threshold-px"),
        (["--labels", "a/b"], "--labels"),
        (["--sequences", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_sentence(
    training: Path, flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--training", str(training), *flags]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert complaint in message
