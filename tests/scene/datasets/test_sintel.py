"""Sintel's files are read as they are published; a sequence says what is true of it, and is a capture too."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import UserError
from core.images import write_png
from data.synthetic.files import write_camera, write_depth, write_flow
from data.synthetic.poses import pose
from scene.datasets import sintel
from scene.datasets.assemble import assemble
from scene.datasets.options import CaptureOptions

WIDTH, HEIGHT, COUNT = 12, 8, 3
K = np.array([[10.0, 0, 6.25], [0, 11.0, 3.75], [0, 0, 1]])
RNG = np.random.default_rng(0)


def viewmat_of(row: int) -> np.ndarray:
    return pose((0.1 * row, -0.2, 1.5), yaw=5 * row, roll=90)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Three frames: depth grows with the row, the label is the left half, the last frame has none."""
    for kind in ("final", "clean", "camdata_left", "depth", "flow", "dynamic_label_perfect"):
        (tmp_path / "training" / kind / "alley_9").mkdir(parents=True)
    root = tmp_path / "training"
    for row in range(COUNT):
        stem = f"alley_9/frame_{row + 1:04d}"
        write_png(root / "final" / f"{stem}.png", np.full((HEIGHT, WIDTH, 3), 10 * row, np.uint8))
        write_png(root / "clean" / f"{stem}.png", np.full((HEIGHT, WIDTH, 3), 200, np.uint8))
        write_camera(root / "camdata_left" / f"{stem}.cam", K, viewmat_of(row))
        write_depth(root / "depth" / f"{stem}.dpt", np.full((HEIGHT, WIDTH), 2.0 + row, np.float32))
        if row + 1 < COUNT:
            write_flow(root / "flow" / f"{stem}.flo", np.full((HEIGHT, WIDTH, 2), row, np.float32))
            label = np.zeros((HEIGHT, WIDTH), np.uint8)
            label[:, : WIDTH // 2] = 255
            write_png(root / "dynamic_label_perfect" / f"{stem}.png", label)
    return root


FLOATS = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.floats(-9, 9, width=32)
)


@given(x=FLOATS)
def test_flow_and_depth_come_back(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray) -> None:
    folder = tmp_path_factory.getbasetemp()
    flow = np.stack([x, 2 * x], axis=-1)
    write_flow(folder / "a.flo", flow)
    np.testing.assert_array_equal(sintel.read_flow(folder / "a.flo"), flow)
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(folder / "a.flo")), flow)
    write_depth(folder / "a.dpt", x)
    np.testing.assert_array_equal(sintel.read_depth(folder / "a.dpt"), x)


def test_a_camera_of_the_data_set(tmp_path: Path) -> None:
    """As it is published: the middle of 1024 x 436 pixels is at 511.5, 217.5; ours is at 512, 218."""
    numbers = [1120, 0, 511.5, 0, 1120, 217.5, 0, 0, 1, 1, 0, 0, 0.1, 0, 0, -1, 0.2, 0, 1, 0, 0.3]
    (tmp_path / "a.cam").write_bytes(b"PIEH" + struct.pack("<21d", *numbers))
    intrinsics, viewmat = sintel.read_camera(tmp_path / "a.cam")
    np.testing.assert_allclose(intrinsics, [[1120, 0, 512], [0, 1120, 218], [0, 0, 1]])
    np.testing.assert_allclose(viewmat, [[1, 0, 0, 0.1], [0, 0, -1, 0.2], [0, 1, 0, 0.3], [0, 0, 0, 1]])


def test_a_sequence_tells_what_is_true(training: Path) -> None:
    assert sintel.sequence_names(training) == ("alley_9",)
    sequence = sintel.open_sequence(training, "alley_9")
    assert [path.name for path in sequence.frames] == [f"frame_{row + 1:04d}.png" for row in range(COUNT)]
    times, c2w = sequence.trajectory()
    torch.testing.assert_close(times, torch.arange(COUNT, dtype=torch.float64) / 24)
    for row in range(COUNT):
        np.testing.assert_allclose(viewmat_of(row) @ c2w[row].numpy(), np.eye(4), atol=1e-12)
        assert (sequence.depth(row) == 2.0 + row).all()
    cameras = sequence.cameras()
    assert cameras.size == (WIDTH, HEIGHT)
    torch.testing.assert_close(cameras.c2w.double(), c2w, atol=1e-6, rtol=0)
    np.testing.assert_allclose(cameras.Ks[0], K)
    mask = sequence.dynamic_mask(1)
    assert mask is not None
    assert mask[:, : WIDTH // 2].all()
    assert not mask[:, WIDTH // 2 :].any()
    assert sequence.dynamic_mask(COUNT - 1) is None
    assert (sequence.flow(1) == 1).all()


def test_the_folder_of_cameras_is_a_capture(training: Path) -> None:
    source = training / "camdata_left" / "alley_9"
    assert sintel.READER.detect(source)
    assert not sintel.READER.detect(training / "final" / "alley_9"), "a video, whose cameras are unknown"
    options = CaptureOptions(random_points=50)
    capture = assemble(source, sintel.READER.read(source, options), options)
    assert len(capture) == COUNT
    assert int(capture.images[2][0, 0, 0]) == 20
    np.testing.assert_allclose(capture.cameras.Ks[0], K)
    np.testing.assert_allclose(capture.cameras.viewmats[1], viewmat_of(1), atol=1e-6)
    assert capture.times is not None
    assert capture.times.tolist() == [0.0, 0.5, 1.0]
    assert capture.dynamic_masks is not None
    assert capture.inverse_depths is not None
    for row in range(COUNT):  # the last frame takes the label of the one before it
        assert capture.dynamic_masks[row].float().mean() == 0.5
        depths = capture.inverse_depths[row]
        assert depths is not None
        torch.testing.assert_close(depths, torch.full((HEIGHT, WIDTH), 1 / (2.0 + row)))
    clean = CaptureOptions(images="clean", random_points=50, resolution=2)
    smaller = assemble(source, sintel.READER.read(source, clean), clean)
    assert int(smaller.images[0][0, 0, 0]) == 200
    assert smaller.dynamic_masks is not None
    assert smaller.dynamic_masks[0].shape == (HEIGHT // 2, WIDTH // 2)


def test_without_labels_nothing_says_what_moves(training: Path) -> None:
    for path in (training / "dynamic_label_perfect" / "alley_9").iterdir():
        path.unlink()
    scene = sintel.READER.read(training / "camdata_left" / "alley_9", CaptureOptions())
    assert all(view.maps is None for view in scene.views)
    assert "nothing says what moves" in scene.notes[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"XXXX" + data[4:], "no depth map of Sintel"),
        (lambda data: data[:-4], "cut off"),
        (lambda data: data[:6], "no depth map of Sintel"),
        (lambda data: data[:4] + struct.pack("<ii", -1, 3) + data[12:], "cut off"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, change: object, message: str) -> None:
    assert callable(change)
    write_depth(tmp_path / "a.dpt", np.ones((3, 4), np.float32))
    (tmp_path / "a.dpt").write_bytes(change((tmp_path / "a.dpt").read_bytes()))
    with pytest.raises(UserError, match=f"a.dpt.*{message}"):
        sintel.read_depth(tmp_path / "a.dpt")


def test_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="camdata_left"):
        sintel.sequence_names(tmp_path)
    with pytest.raises(UserError, match=r"frame_0001\.png"):
        sintel.open_sequence(tmp_path, "alley_1")
    with pytest.raises(UserError, match="does not exist"):
        sintel.read_flow(tmp_path / "a.flo")
    (tmp_path / "a.cam").write_bytes(b"PIEH" + struct.pack("<21d", *[float("nan")] * 21))
    with pytest.raises(UserError, match="not finite"):
        sintel.read_camera(tmp_path / "a.cam")
