"""Predictions come back; other tools find the trajectories and cameras that they expect."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.images import write_png
from scene import Cameras, PointCloud
from scene.datasets.pycolmap_import import pycolmap
from scene.prediction import Assurance, Prediction
from scene.prediction_files import input_files, read_prediction, remove_prediction, write_prediction
from scene.prediction_layout import PredictionLayout
from scene.stored_frames import FrameFacts

WIDTH, HEIGHT = 32, 16
FULL = (100, 60)
CROP = (2.0, 6.0, 96.0, 48.0)


def facts_of(folder: Path, count: int) -> FrameFacts:
    names = tuple(f"frame_{row:04d}.png" for row in range(count))
    for name in names:
        write_png(folder / "images" / name, np.zeros((FULL[1], FULL[0], 3), np.uint8))
    times_s = tuple(0.5 * row + 0.25 for row in range(count))
    return FrameFacts("walk.mp4", names, tuple(map(str, range(count))), times_s, 2.0, *FULL, 2, 3)


def prediction_of(facts: FrameFacts, seed: int, *, points: bool = True) -> Prediction:
    count, random = len(facts), torch.Generator().manual_seed(seed)
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[:, :3, :3] = torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix()).float()
    viewmats[:, :3, 3] = torch.randn(count, 3, generator=random)
    Ks = torch.tensor([[30.0, 0, 15.5], [0, 31.0, 8.5], [0, 0, 1]]).repeat(count, 1, 1)
    size = (torch.full((count,), side) for side in (WIDTH, HEIGHT))

    def maps() -> torch.Tensor:
        return torch.rand(count, HEIGHT, WIDTH, generator=random)

    confidences = 3 * maps()
    confidences[confidences < 0.5] = 0
    cloud = PointCloud(torch.randn(5, 3, generator=random), (255 * torch.rand(5, 3)).to(torch.uint8))
    return Prediction(
        predictor="monst3r",
        frame_names=facts.names,
        cameras=Cameras(viewmats, Ks, *size),
        dynamic_probabilities=maps(),
        dynamic_masks=maps() > 0.6,
        depths=5 * maps(),
        confidences=confidences,
        registered=torch.arange(count) % 3 != 1,
        crop=CROP,
        assurance=Assurance("low", "rotation", ("it only turns",), {"baseline": 0.01}),
        points=cloud if points else None,
    )


@settings(max_examples=5)
@given(st.integers(2, 5), st.integers(0, 99), st.booleans())
def test_a_prediction_comes_back(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, points: bool
) -> None:
    folder = tmp_path_factory.mktemp("mit Umlaut ä")
    facts = facts_of(folder, count)
    prediction = prediction_of(facts, seed, points=points)
    write_prediction(folder, prediction, facts)
    again = read_prediction(folder)
    for name in ("dynamic_probabilities", "dynamic_masks", "depths", "registered"):
        assert torch.equal(getattr(again, name), getattr(prediction, name)), name
    assert torch.equal(again.confidences == 0, prediction.confidences == 0)
    torch.testing.assert_close(again.confidences, prediction.confidences, rtol=1e-6, atol=0)
    torch.testing.assert_close(again.cameras.viewmats, prediction.cameras.viewmats, rtol=0, atol=1e-6)
    assert torch.equal(again.cameras.Ks, prediction.cameras.Ks)
    assert again.cameras.size == (WIDTH, HEIGHT)
    for name in ("predictor", "frame_names", "crop", "assurance"):
        assert getattr(again, name) == getattr(prediction, name), name
    if points:
        assert again.points is not None
        assert prediction.points is not None
        assert torch.equal(again.points.xyz, prediction.points.xyz)
    else:
        assert again.points is None


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Prediction, FrameFacts]:
    facts = facts_of(tmp_path, 4)
    prediction = prediction_of(facts, 7)
    write_prediction(tmp_path, prediction, facts)
    return tmp_path, prediction, facts


def test_the_tum_trajectory_is_one(written: tuple[Path, Prediction, FrameFacts]) -> None:
    """Timestamp, position, and a quaternion with the scalar last; world-from-camera."""
    folder, prediction, facts = written
    rows = np.loadtxt(folder / "trajectory_tum.txt")
    np.testing.assert_allclose(rows[:, 0], facts.times_s)
    c2w = prediction.cameras.c2w.numpy()
    np.testing.assert_allclose(rows[:, 1:4], c2w[:, :3, 3], atol=1e-6)
    np.testing.assert_allclose(Rotation.from_quat(rows[:, 4:]).as_matrix(), c2w[:, :3, :3], atol=1e-6)


def test_focal_lengths_stand_alone_too(written: tuple[Path, Prediction, FrameFacts]) -> None:
    folder, prediction, _ = written
    assert np.loadtxt(folder / "pred_focal.txt") == pytest.approx(prediction.cameras.Ks[:, 0, 0].tolist())


def test_das3r_s_trajectory_is_the_other_order(written: tuple[Path, Prediction, FrameFacts]) -> None:
    folder = written[0]
    theirs, tum = (np.loadtxt(folder / name) for name in ("pred_traj.txt", "trajectory_tum.txt"))
    assert theirs[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert np.array_equal(theirs[:, 1:4], tum[:, 1:4])
    assert np.array_equal(theirs[:, 4:], tum[:, [7, 4, 5, 6]])
    # Its tools read the file as TUM's, call columns 7, 4, 5, 6 (w, x, y, z), and mean (4, 5, 6, 7).
    w, x, y, z = theirs[0, 4:]
    expected = Rotation.from_matrix(written[1].cameras.c2w[0, :3, :3].numpy())
    assert (Rotation.from_quat((x, y, z, w)).inv() * expected).magnitude() < 1e-5


def test_colmap_has_the_cameras_of_whole_frames(written: tuple[Path, Prediction, FrameFacts]) -> None:
    """A point at a working pixel is at the pixel of the frame that was resized to it."""
    folder, prediction, _ = written
    model = pycolmap.Reconstruction(str(folder / "sparse" / "0"))
    assert {image.name for image in model.images.values()} == set(prediction.frame_names)
    camera = next(iter(model.cameras.values()))
    assert (camera.width, camera.height) == FULL
    left, top, width, height = CROP
    full, working = camera.calibration_matrix(), prediction.cameras.Ks[0].double().numpy()
    for point in ((0.0, 0.0, 1.0), (0.3, -0.2, 1.0)):
        x, y = (working @ point)[:2]
        expected = (left + x * width / WIDTH, top + y * height / HEIGHT)
        np.testing.assert_allclose((full @ point)[:2], expected, rtol=1e-6)


def test_the_files_of_a_rearranged_folder_are_there(written: tuple[Path, Prediction, FrameFacts]) -> None:
    folder = written[0]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for row in range(4):
        expected = {
            f"images/frame_{row:04d}.png", f"dynamic_masks/dynamic_mask_{row:04d}.png",
            f"dyna_avg/dyna_avg_{row:04d}.npy", f"depth_maps/frame_{row:04d}.npy",
            f"confidence_maps/conf_{row:04d}.npy",
        }  # fmt: skip
        assert expected <= names
    confidence = np.load(folder / "confidence_maps" / "conf_0000.npy")
    assert confidence.dtype == np.float32
    assert np.array_equal(np.isneginf(confidence), (written[1].confidences[0] == 0).numpy())


def test_what_counts_is_what_is_read(written: tuple[Path, Prediction, FrameFacts]) -> None:
    folder, prediction, facts = written
    files = input_files(PredictionLayout(folder))
    assert len(set(files)) == len(files)
    assert {path.name for path in files} >= {*facts.names, "prediction.json", "pred_traj.txt", "points3D.txt"}
    # All that is read is among them: with these files alone, the prediction is the same.
    copy = folder.parent / "copy"
    for path in files:
        (copy / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy / path.relative_to(folder))
    read = read_prediction(copy)
    assert torch.equal(read.depths, read_prediction(folder).depths)
    assert torch.equal(read.dynamic_masks, prediction.dynamic_masks)
    (copy / "run").mkdir()
    for name in ("run/config.json", "images/notes.txt", "trajectory_tum.txt"):
        (copy / name).touch()
    assert input_files(PredictionLayout(copy)) == [copy / path.relative_to(folder) for path in files]


def test_a_shorter_prediction_leaves_nothing_of_the_longer_one(
    written: tuple[Path, Prediction, FrameFacts],
) -> None:
    folder, _, facts = written
    shorter = replace(facts, names=facts.names[:2], times_s=facts.times_s[:2])
    write_prediction(folder, prediction_of(shorter, 8), shorter)
    assert len(read_prediction(folder).frame_names) == 2
    assert len(list((folder / "depth_maps").iterdir())) == 2
    remove_prediction(folder)
    assert [path.name for path in folder.iterdir()] == ["images"]
