"""TUM's frames go with the poses and depths of their time, in both layouts; its cameras are as published."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.images import write_png
from core.tum import write_tum
from data.synthetic.poses import pose
from scene.datasets import tum
from scene.datasets.assemble import assemble
from scene.datasets.options import CaptureOptions

START_S = 1341845688.5
FRAMES = 20


def pose_at(seconds: float) -> np.ndarray:
    """Where the camera is: x says the time."""
    return pose((seconds, 0.3, 1.2), yaw=10 * seconds, roll=-90)


def write_image(path: Path, value: int) -> None:
    write_png(path, np.full((48, 64, 3), value, np.uint8))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Colour at 30 Hz, depth at 30 Hz a little later, poses at 100 Hz that begin after the second frame."""
    folder = tmp_path / "rgbd_dataset_freiburg3_test"
    colours, depths = [], []
    for row in range(FRAMES):
        time = START_S + row / 30
        name = f"{time:.6f}.png"
        write_image(folder / "rgb" / name, row)
        write_png(folder / "depth" / name, np.full((48, 64), 5000 + row, np.uint16))
        colours.append(f"{time:.6f} rgb/{name}\n")
        depths.append(f"{time + 0.008:.6f} depth/{name}\n")
    (folder / "rgb.txt").write_text("# colour images\n# timestamp filename\n" + "".join(colours))
    (folder / "depth.txt").write_text("# depth maps\n" + "".join(depths))
    seconds = np.arange(0.06, 1.0, 0.01)
    write_tum(folder / "groundtruth.txt", (START_S + seconds).tolist(), _poses(seconds))
    return folder


def _poses(seconds: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([pose_at(float(second)) for second in seconds]))


times_s = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(times=times_s, others=times_s)
def test_nearest_is_what_a_search_of_all_finds(times: list[float], others: list[float]) -> None:
    rows = tum.nearest(np.array(times), np.array(others))
    for time, row in zip(times, rows.tolist(), strict=True):
        distances = np.abs(np.array(others) - time)
        if row < 0:
            assert distances.min() > tum.NEAR_S
        else:
            assert distances[row] == distances.min() <= tum.NEAR_S


def test_frames_go_with_the_pose_of_their_time(published: Path) -> None:
    """The first two are without one; of the others every third is taken."""
    sequence = tum.open_sequence(published)
    rows = list(range(2, FRAMES, 3))
    assert [path.name for path in sequence.frames] == [f"{START_S + row / 30:.6f}.png" for row in rows]
    times, c2w = sequence.trajectory()
    np.testing.assert_allclose(times - START_S, np.array(rows) / 30, atol=1e-6)
    np.testing.assert_allclose(c2w[:, 0, 3], np.array(rows) / 30, atol=0.006)
    for row, frame in enumerate(rows):
        depth = sequence.depth(row)
        assert depth is not None
        np.testing.assert_allclose(depth, (5000 + frame) / 5000)
    assert len(tum.open_sequence(published, stride=1, count=4)) == 4


def test_a_chosen_sequence_is_taken_whole(published: Path, tmp_path: Path) -> None:
    """The layout of published numbers: the same frames and poses, copied."""
    chosen, whole = tum.open_sequence(published), tmp_path / "rgbd_dataset_freiburg3_chosen"
    (whole / "rgb_90").mkdir(parents=True)
    for path in chosen.frames:
        (whole / "rgb_90" / path.name).write_bytes(path.read_bytes())
    write_tum(whole / "groundtruth_90.txt", chosen.timestamps.tolist(), chosen.c2w)
    again = tum.open_sequence(whole)
    assert [path.name for path in again.frames] == [path.name for path in chosen.frames]
    torch.testing.assert_close(again.c2w, chosen.c2w)
    torch.testing.assert_close(again.timestamps, chosen.timestamps)
    assert again.depth(0) is None


def test_the_folder_is_a_capture(published: Path) -> None:
    assert tum.READER.detect(published)
    assert not tum.READER.detect(published / "rgb"), "a video, whose cameras are unknown"
    options = CaptureOptions(random_points=50)
    capture = assemble(published, tum.READER.read(published, options), options)
    sequence = tum.open_sequence(published)
    assert capture.image_names == tuple(path.name for path in sequence.frames)
    torch.testing.assert_close(capture.cameras.c2w.double(), sequence.c2w, atol=1e-5, rtol=0)
    # Images of a tenth of the real size: so is the camera.
    np.testing.assert_allclose(capture.cameras.Ks[0, 0], [53.54, 0, 32.06], rtol=1e-5)
    np.testing.assert_allclose(capture.cameras.Ks[0, 1], [0, 53.92, 24.81], rtol=1e-5)
    assert capture.times is not None
    assert capture.times[0] == 0
    assert capture.times[-1] == 1


@pytest.mark.parametrize(
    ("name", "fx", "pinhole"),
    [
        ("rgbd_dataset_freiburg1_xyz", 517.3, False),
        ("rgbd_dataset_freiburg2_desk", 520.9, False),
        ("rgbd_dataset_freiburg3_sitting_xyz", 535.4, True),
        ("mine", 525.0, True),
    ],
)
def test_cameras_are_the_published_ones(tmp_path: Path, name: str, fx: float, pinhole: bool) -> None:
    lens = tum.lens_of(tmp_path / name)
    assert lens.is_pinhole == pinhole
    assert lens.K(640, 480)[0, 0] == pytest.approx(fx)


def test_mistakes_are_named(published: Path) -> None:
    (published / "rgb.txt").write_text("1.0 rgb/a.png\nsoon rgb/b.png\n")
    with pytest.raises(UserError, match=r"rgb.txt:2: `time file` was expected"):
        tum.open_sequence(published)
    (published / "rgb.txt").write_text("1.0 rgb/a.png\n")
    with pytest.raises(UserError, match=r"within 0.02 s of a pose"):
        tum.open_sequence(published)
    (published / "rgb.txt").unlink()
    with pytest.raises(UserError, match=r"rgb.txt: it does not exist"):
        tum.open_sequence(published)
    (published / "rgb_90").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        tum.open_sequence(published)
    write_image(published / "rgb_90" / "first.png", 0)
    with pytest.raises(UserError, match="expected to be times"):
        tum.open_sequence(published)
