"""Whole captures from the command line: complete, repeatable, readable, and consistent with themselves."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.geometry import project_points
from data.synthetic.__main__ import main
from scene.datasets import open_capture
from scene.datasets.pycolmap_import import pycolmap
from tests.data.captures import COARSE, NAME, make


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("static", tmp_path_factory.mktemp("made") / "static", "--workers", "1", "--points", "300")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_any_number_of_processes_writes_the_same_bytes(static: Path, tmp_path: Path) -> None:
    again = make("static", tmp_path / "again", "--workers", "2", "--points", "300")
    assert contents(again) == contents(static)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again"]


def test_static_is_a_capture(static: Path) -> None:
    """The project's own reader takes both descriptions of it and finds the same cameras and points."""
    capture = open_capture(static)
    assert capture.image_names == tuple(f"frame_{number:05d}.png" for number in range(1, 4))
    assert capture.cameras.size == (64, 36)
    assert capture.points is not None
    assert 50 < len(capture.points) <= 300
    transforms = json.loads((static / "transforms.json").read_text())
    for viewmat, frame in zip(capture.cameras.viewmats.double(), transforms["frames"], strict=True):
        opengl = torch.tensor(frame["transform_matrix"], dtype=torch.float64)
        c2w = opengl @ torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
        torch.testing.assert_close(viewmat @ c2w, torch.eye(4, dtype=torch.float64), atol=1e-5, rtol=0)


def test_points_reproject_onto_their_observations_and_colours(static: Path) -> None:
    model = pycolmap.Reconstruction(str(static / "sparse" / "0"))
    assert model.is_valid()
    assert model.compute_mean_reprojection_error() < 1e-6
    images = {
        image.image_id: cv2.imread(str(static / "images" / image.name))[..., ::-1]
        for image in model.images.values()
    }
    differences = []
    for point in model.points3D.values():
        assert len(point.track.elements) >= 3
        for element in point.track.elements:
            x, y = model.images[element.image_id].points2D[element.point2D_idx].xy
            seen = images[element.image_id][int(y), int(x)].astype(float)
            differences.append(np.abs(seen - point.color).mean())
    # Pixels of 64 x 36 hold much of the world each; the same place still looks alike from everywhere.
    assert np.median(differences) < 25


def test_depth_images_hold_the_points(static: Path) -> None:
    capture = open_capture(static)
    assert capture.points is not None
    cameras = capture.cameras
    pixels, z = project_points(capture.points.xyz.expand(3, -1, 3), cameras.viewmats, cameras.Ks)
    for index, name in enumerate(capture.image_names):
        depths = cv2.imread(str(static / "depth" / name), cv2.IMREAD_UNCHANGED) / 1000
        inside = (z[index] > 0) & (pixels[index] > 0).all(1) & (pixels[index] < torch.tensor([64, 36])).all(1)
        column, row = pixels[index][inside].long().T.numpy()
        same = np.abs(depths[row, column] - z[index][inside].numpy()) < 0.02 * z[index][inside].numpy()
        assert same.mean() > 0.2


def test_noise_is_what_was_asked_for(static: Path, tmp_path: Path) -> None:
    flags = ("--workers", "1", "--points", "300", "--point-noise-m", "0.05", "--pixel-noise", "0.5")
    noisy = pycolmap.Reconstruction(str(make("static", tmp_path / "noisy", *flags) / "sparse" / "0"))
    exact = pycolmap.Reconstruction(str(static / "sparse" / "0"))
    assert set(noisy.points3D.keys()) == set(exact.points3D.keys())
    errors = [noisy.points3D[key].xyz - exact.points3D[key].xyz for key in exact.points3D]
    assert np.std(errors) == pytest.approx(0.05, rel=0.1)
    moved = [
        first.xy - second.xy
        for key in exact.images
        for first, second in zip(noisy.images[key].points2D, exact.images[key].points2D, strict=True)
    ]
    assert np.std(moved) == pytest.approx(0.5, rel=0.1)


def test_video_is_complete(video: Path) -> None:
    frames = [f"frame_{number:04d}" for number in range(1, 3)]
    expected = {"metadata.json", f"poses/{NAME}.txt"}
    expected |= {f"DAVIS/JPEGImages/480p/{NAME}/{number:05d}.jpg" for number in range(2)}
    expected |= {f"DAVIS/Annotations/480p/{NAME}/{number:05d}.png" for number in range(2)}
    sintel = {"final": ".png", "depth": ".dpt", "camdata_left": ".cam", "dynamic_label_perfect": ".png"}
    sintel["moving_objects"] = ".png"
    pairs = {"flow": ".flo", "occlusions": ".png"}
    for folders, names in ((sintel, frames), (pairs, frames[:-1])):
        expected |= {
            f"sintel/training/{folder}/{NAME}/{name}{suffix}"
            for folder, suffix in folders.items()
            for name in names
        }
    assert set(contents(video)) == expected


def test_files_of_the_video_agree(video: Path) -> None:
    """From the files alone: depth and cameras explain the flow of all that rests, masks hold what moves."""
    sintel = video / "sintel" / "training"

    def depth_of(number: int) -> np.ndarray:
        data = (sintel / "depth" / NAME / f"frame_{number:04d}.dpt").read_bytes()
        return np.frombuffer(data[12:], "<f4").reshape(36, 64)

    def camera_of(number: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.frombuffer((sintel / "camdata_left" / NAME / f"frame_{number:04d}.cam").read_bytes()[4:])
        return numbers[:9].reshape(3, 3), np.vstack([numbers[9:].reshape(3, 4), [0, 0, 0, 1]])

    x, y = np.meshgrid(np.arange(64.0), np.arange(36.0))  # the layout counts centres as whole numbers
    pixels = np.stack([x, y], axis=-1)
    (K, viewmat), (_, following) = camera_of(1), camera_of(2)
    rays = np.linalg.inv(K) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    points = np.vstack([rays * depth_of(1).ravel(), np.ones(rays.shape[1])])
    projected = K @ (following @ np.linalg.inv(viewmat))[:3] @ points
    own = (projected[:2] / projected[2]).T.reshape(36, 64, 2) - pixels
    flow = cv2.readOpticalFlow(str(sintel / "flow" / NAME / "frame_0001.flo"))
    label = cv2.imread(str(sintel / "dynamic_label_perfect" / NAME / "frame_0001.png"), 0)
    annotation = cv2.imread(str(video / "DAVIS" / "Annotations" / "480p" / NAME / "00000.png"), 0)
    objects = cv2.imread(str(sintel / "moving_objects" / NAME / "frame_0001.png"), 0)
    np.testing.assert_array_equal(objects, annotation)
    assert set(np.unique(label)) == {0, 255}
    assert (annotation[label == 255] == 255).all()
    difference = np.linalg.norm(flow - own, axis=-1)
    assert difference[label == 0].max() < 0.1 + 0.02  # what counts as rest, and the rounding of the files
    # The foot on the ground and the like may rest for a moment.
    assert (difference[label == 255] > 0.1).mean() > 0.6


def test_metadata_tell_what_moves(video: Path) -> None:
    report = json.loads((video / "metadata.json").read_text())
    for index, (share, now) in enumerate(
        zip(report["moving_share"], report["moving_now_share"], strict=True)
    ):
        annotation = cv2.imread(str(video / f"DAVIS/Annotations/480p/{NAME}/{index:05d}.png"), 0)
        label = f"sintel/training/dynamic_label_perfect/{NAME}/frame_{index + 1:04d}.png"
        assert share == pytest.approx((annotation > 0).mean(), abs=1e-4)
        assert now == pytest.approx((cv2.imread(str(video / label), 0) > 0).mean(), abs=1e-4)
        assert sum(values[index] for values in report["movers"].values()) == pytest.approx(share, abs=1e-3)
    assert any(name.startswith("stop-and-go") for name in report["movers"])


def test_poses_are_those_of_the_cameras(video: Path) -> None:
    rows = np.loadtxt(video / "poses" / f"{NAME}.txt")
    np.testing.assert_allclose(rows[:, 0], np.arange(2) / 8, atol=1e-9)
    for row, path in zip(
        rows, sorted((video / "sintel/training/camdata_left" / NAME).iterdir()), strict=True
    ):
        viewmat = np.frombuffer(path.read_bytes()[76:]).reshape(3, 4)
        np.testing.assert_allclose(-viewmat[:, :3].T @ viewmat[:, 3], row[1:4], atol=1e-6)


def test_what_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["static", "--out", str(tmp_path), *COARSE]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert contents(tmp_path) == {"mine.txt": b"mine"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "no kind"),
        (["stattic"], "stattic was asked for"),
        (["static"], "--out"),
        (["static", "--out", "x", "--frames", "2"], "at least 3"),
        (["video", "--out", "x", "--frames", "1"], "at least 2"),
        (["video", "--out", "x", "--fps", "0"], "--fps"),
        (["video", "--out", "x", "--camera", "drone"], "--camera"),
        (["video", "--out", "x", "--name", "a/b"], "--name"),
        (["static", "--out", "x", "--width", "4"], "--width 4"),
        (["static", "--out", "x", "--fov-deg", "170"], "--fov-deg"),
        (["static", "--out", "x", "--texture-px", "100"], "power of two"),
        (["static", "--out", "x", "--points", "0"], "--points"),
        (["static", "--out", "x", "--seed", "-1"], "negative"),
        (["static", "--out", "x", "--colour", "red"], "colour"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert complaint in message
    assert list(tmp_path.iterdir()) == []


def test_help_names_both_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert {"static", "video"} <= set(capsys.readouterr().out.split())
