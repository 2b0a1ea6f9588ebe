"""transforms.json in the forms that are met, and what is said about broken ones."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.errors import UserError
from core.ply import PointArrays, write_points_ply
from scene.capture import Capture
from scene.datasets import CaptureOptions, open_capture
from scene.datasets.lenses import Lens, undistortion
from scene.datasets.nerfstudio import NERFSTUDIO_WORLD
from scene.splits import SplitOptions, split_views
from tests.scene.datasets.sources import OPENCV, write_colmap, write_image, write_transforms


def edit(source: Path, **changes: object) -> None:
    """Change entries of a transforms.json; None removes one."""
    meta = json.loads((source / "transforms.json").read_text()) | changes
    (source / "transforms.json").write_text(
        json.dumps({key: value for key, value in meta.items() if value is not None})
    )


def test_poses_turn_from_opengl_to_opencv(tmp_path: Path) -> None:
    viewmats = write_transforms(tmp_path, count=4)
    capture = open_capture(tmp_path)
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), viewmats, atol=1e-6)
    assert capture.image_names == tuple(f"{number:04d}.png" for number in range(1, 5))
    np.testing.assert_allclose(capture.cameras.Ks[0].numpy(), [[30, 0, 15.5], [0, 31, 12.5], [0, 0, 1]])


def test_intrinsics_follow_the_images(tmp_path: Path) -> None:
    write_transforms(tmp_path, size=(16, 8))
    capture = open_capture(tmp_path)
    np.testing.assert_allclose(
        capture.cameras.Ks[0].numpy(), [[15, 0, 7.75], [0, 31 / 3, 12.5 / 3], [0, 0, 1]], rtol=1e-6
    )
    assert capture.images[0].shape == (8, 16, 3)
    assert any("another shape than their camera" in note for note in capture.notes)


def test_frames_may_have_their_own_intrinsics_and_sizes(tmp_path: Path) -> None:
    write_transforms(tmp_path, frame=lambda index: {"fl_x": 40.0 + index, "w": 64, "h": 48} if index else {})
    write_image(tmp_path / "images" / "0002.png", 64, 48)
    write_image(tmp_path / "images" / "0003.png", 128, 96)
    capture = open_capture(tmp_path)
    assert capture.cameras.Ks[:, 0, 0].tolist() == [30, 41, 84]
    assert capture.cameras.width.tolist() == [32, 64, 128]
    assert [tuple(image.shape) for image in capture.images] == [(24, 32, 3), (48, 64, 3), (96, 128, 3)]


def test_an_angle_instead_of_a_focal_length(tmp_path: Path) -> None:
    write_transforms(tmp_path)
    edit(tmp_path, fl_x=None, fl_y=None, cx=None, cy=None, w=None, h=None, camera_angle_x=2 * np.arctan(0.5))
    capture = open_capture(tmp_path)
    np.testing.assert_allclose(
        capture.cameras.Ks[0].numpy(), [[32, 0, 16], [0, 32, 12], [0, 0, 1]], rtol=1e-6
    )


def test_missing_images_are_listed_and_left_out(tmp_path: Path) -> None:
    viewmats = write_transforms(tmp_path, count=12)
    for number in range(2, 12):
        (tmp_path / "images" / f"{number:04d}.png").unlink()
    capture = open_capture(tmp_path)
    assert capture.image_names == ("0001.png", "0012.png")
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), viewmats[[0, 11]], atol=1e-6)
    assert capture.notes[0].startswith("10 of 12 images are missing and were left out: 0002.png, 0003.png")
    assert capture.notes[0].endswith("and 2 more")


def test_scaled_images_stand_in(tmp_path: Path) -> None:
    write_transforms(tmp_path, folder="images_4", size=(8, 6))
    with pytest.raises(
        UserError, match="no folder images; its folders of images are images_4: use -i images_4"
    ):
        open_capture(tmp_path)
    capture = open_capture(tmp_path, CaptureOptions(images="images_4"))
    assert capture.cameras.size == (8, 6)
    assert capture.cameras.Ks[0, 0, 0] == 7.5
    same = open_capture(tmp_path, CaptureOptions(images="images_4", resolution=4))
    assert same.cameras.size == (8, 6)


def test_frames_elsewhere_than_in_images(tmp_path: Path) -> None:
    write_transforms(tmp_path, folder="rgb", file_path="./rgb/{stem}")
    capture = open_capture(tmp_path)
    assert capture.image_names == ("rgb/0001", "rgb/0002", "rgb/0003")
    assert capture.images[1].shape == (24, 32, 3)
    with pytest.raises(UserError, match=r"-i images_2: the frames of .* are not in a folder images"):
        open_capture(tmp_path, CaptureOptions(images="images_2"))


def test_the_world_is_moved_back_to_that_of_colmap(tmp_path: Path) -> None:
    """Poses and points come in a turned world; points must stay where the cameras see them."""
    world = np.eye(4)
    world[:3, :3] = Rotation.from_rotvec([0.3, -1.0, 0.4]).as_matrix()
    world[:3, 3] = (1, 2, 3)
    viewmats = write_transforms(
        tmp_path, world=world, applied_transform=world[:3].tolist(), ply_file_path="sparse_pc.ply"
    )
    xyz = np.random.default_rng(2).normal(size=(6, 3))
    rgb = np.arange(18, dtype=np.uint8).reshape(6, 3)
    turned = xyz @ world[:3, :3].T + world[:3, 3]
    write_points_ply(tmp_path / "sparse_pc.ply", PointArrays(turned.astype(np.float32), rgb))
    capture = open_capture(tmp_path)
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), viewmats, atol=1e-5)
    assert capture.points is not None
    np.testing.assert_allclose(capture.points.xyz.numpy(), xyz, atol=1e-5)
    assert np.array_equal(capture.points.rgb.numpy(), rgb)


def test_points_of_the_colmap_model_it_was_made_from(tmp_path: Path) -> None:
    write_colmap(tmp_path / "colmap", points=11)
    flip = np.eye(4)[[1, 0, 2, 3]] * [[1], [1], [-1], [1]]
    viewmats = write_transforms(tmp_path, world=flip, applied_transform=flip[:3].tolist())
    capture = open_capture(tmp_path)
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), viewmats, atol=1e-6)
    assert capture.points is not None
    assert len(capture.points) == 11


@pytest.mark.parametrize("world", [np.eye(4), np.vstack([NERFSTUDIO_WORLD, (0, 0, 0, 1)])])
def test_a_world_that_is_not_stated_is_told_by_the_colmap_model(tmp_path: Path, world: np.ndarray) -> None:
    write_colmap(tmp_path / "colmap", count=4, points=11)
    viewmats = write_transforms(tmp_path, count=4, world=world)
    capture = open_capture(tmp_path)
    np.testing.assert_allclose(capture.cameras.viewmats.numpy(), viewmats, atol=1e-6)
    assert capture.points is not None
    assert len(capture.points) == 11


def test_a_model_of_another_world_gives_no_points(tmp_path: Path) -> None:
    write_colmap(tmp_path / "colmap", count=4, points=11)
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_rotvec([0.3, -1.0, 0.4]).as_matrix()
    write_transforms(tmp_path, count=4, world=turned)
    capture = open_capture(tmp_path, CaptureOptions(random_points=8))
    assert capture.points is not None
    assert len(capture.points) == 8


def test_a_missing_file_of_points_is_noted(tmp_path: Path) -> None:
    write_transforms(tmp_path, ply_file_path="gone.ply")
    capture = open_capture(tmp_path, CaptureOptions(random_points=8))
    assert capture.points is not None
    assert len(capture.points) == 8
    assert any("gone.ply, which transforms.json names, is missing" in note for note in capture.notes)


def test_its_own_test_list_is_honoured(tmp_path: Path) -> None:
    write_transforms(tmp_path, count=4, val_filenames=["images/0003.png"])
    assert split_views(open_capture(tmp_path), SplitOptions()).test == (2,)


@pytest.mark.parametrize("listed", [3, "images/0003.png", ["images/0001.png", 3]])
def test_a_test_list_of_something_else_is_refused(tmp_path: Path, listed: object) -> None:
    write_transforms(tmp_path, test_filenames=listed)
    with pytest.raises(UserError, match="test_filenames is no list of file names"):
        split_views(open_capture(tmp_path), SplitOptions())


def test_its_own_masks_are_used(tmp_path: Path) -> None:
    write_transforms(tmp_path, frame=lambda index: {"mask_path": "m/1.png"} if index == 0 else {})
    mask = np.zeros((24, 32), np.uint8)
    mask[:, 20:] = 255
    (tmp_path / "m").mkdir()
    cv2.imwrite(str(tmp_path / "m" / "1.png"), mask)
    capture = open_capture(tmp_path)
    assert capture.valid_masks is not None
    assert np.array_equal(capture.valid_masks[0].numpy(), mask > 0)
    assert capture.valid_masks[1].all()


DISTORTIONS = [
    ({"camera_model": "OPENCV", "k1": 0.08, "k2": -0.02, "p1": 0.002, "p2": -0.001}, OPENCV),
    (
        {"k1": 0.05, "k3": 0.01},
        Lens("FULL_OPENCV", (*OPENCV.params[:4], 0.05, *(0.0,) * 3, 0.01, *(0.0,) * 3), 32, 24),
    ),
    (
        {"camera_model": "OPENCV_FISHEYE", "k1": 0.02, "k4": 0.001},
        Lens("OPENCV_FISHEYE", (*OPENCV.params[:4], 0.02, 0.0, 0.0, 0.001), 32, 24),
    ),
    (
        {"is_fisheye": True, "k1": 0.02},
        Lens("OPENCV_FISHEYE", (*OPENCV.params[:4], 0.02, 0.0, 0.0, 0.0), 32, 24),
    ),
]


@pytest.mark.parametrize(("entries", "lens"), DISTORTIONS)
def test_distortion_is_taken_out(tmp_path: Path, entries: dict[str, object], lens: Lens) -> None:
    write_transforms(tmp_path / "source", cx=16.0, cy=12.0, **entries)
    capture = open_capture(tmp_path / "source", CaptureOptions(cache=tmp_path / "cache"))
    expected = undistortion(lens, 32, 24)
    assert capture.cameras.size == (expected.pinhole.width, expected.pinhole.height)
    K = expected.pinhole.K(expected.pinhole.width, expected.pinhole.height)
    np.testing.assert_allclose(capture.cameras.Ks[0].numpy(), K, rtol=1e-6)
    photo = cv2.cvtColor(cv2.imread(str(tmp_path / "source" / "images" / "0001.png")), cv2.COLOR_BGR2RGB)
    assert np.array_equal(capture.images[0].numpy(), expected.apply(photo))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frames": []}, r"transforms\.json lists no frames"),
        ({"frames": [{"transform_matrix": []}]}, "frame 0 has no file_path"),
        ({"frames": [{"file_path": "images/0001.png"}]}, r"0001\.png: transform_matrix has the shape \(\)"),
        (
            {"frames": [{"file_path": "images/0001.png", "transform_matrix": [["a"]]}]},
            "is no matrix of numbers",
        ),
        ({"frames": [{"file_path": "images/0001.png", "transform_matrix": [[1, 2]]}]}, r"the shape \(1, 2\)"),
        ({"fl_x": None}, "neither fl_x nor camera_angle_x"),
        ({"fl_x": "wide"}, "fl_x is 'wide'; a number was expected"),
        ({"fl_x": float("nan")}, "fl_x is nan; a number was expected"),
        ({"camera_model": "OMNI"}, "camera model OMNI"),
        ({"camera_model": ["OPENCV"]}, r"camera_model is \['OPENCV'\]; a name such as OPENCV was expected"),
        ({"applied_transform": 7}, r"applied_transform has the shape \(\)"),
    ],
)
def test_a_broken_file_says_what_is_broken(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    write_transforms(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(UserError, match=sentence):
        open_capture(tmp_path)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (float("nan"), r"the pose of 0002\.png is not finite"),
        (9.0, r"the pose of 0002\.png is no rotation and translation"),
    ],
)
def test_a_broken_pose_is_named(tmp_path: Path, entry: float, sentence: str) -> None:
    write_transforms(tmp_path)
    meta = json.loads((tmp_path / "transforms.json").read_text())
    meta["frames"][1]["transform_matrix"][0][0] = entry
    (tmp_path / "transforms.json").write_text(json.dumps(meta))
    with pytest.raises(UserError, match=sentence):
        open_capture(tmp_path)


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text('{"frames": [')
    with pytest.raises(UserError, match=r"transforms\.json is not JSON"):
        open_capture(tmp_path)


def epipolar_errors_px(capture: Capture, left: int, right: int) -> np.ndarray:
    """How far matched points of two images are from the lines that our cameras say they lie on."""
    sift = cv2.SIFT.create(1000)
    grey = [cv2.cvtColor(capture.images[row].numpy(), cv2.COLOR_RGB2GRAY) for row in (left, right)]
    (left_points, left_marks), (right_points, right_marks) = (
        sift.detectAndCompute(image, None) for image in grey
    )
    pairs = [
        best
        for best, second in cv2.BFMatcher().knnMatch(left_marks, right_marks, k=2)
        if best.distance < 0.7 * second.distance
    ]
    # cv2 has pixel centres at whole numbers.
    left_pixels = np.array([(*left_points[pair.queryIdx].pt, 0.5) for pair in pairs]) + 0.5
    right_pixels = np.array([(*right_points[pair.trainIdx].pt, 0.5) for pair in pairs]) + 0.5
    viewmats, Ks = capture.cameras.viewmats.double().numpy(), capture.cameras.Ks.double().numpy()
    right_from_left = viewmats[right] @ np.linalg.inv(viewmats[left])
    cross = np.cross(np.eye(3), right_from_left[:3, 3]).T
    essential = cross @ right_from_left[:3, :3]
    lines = left_pixels @ (np.linalg.inv(Ks[right]).T @ essential @ np.linalg.inv(Ks[left])).T
    return np.abs((right_pixels * lines).sum(axis=1)) / np.hypot(lines[:, 0], lines[:, 1])


@pytest.mark.data
def test_cameras_of_a_real_capture_agree_with_its_images(captures: Path, tmp_path: Path) -> None:
    """Poses, rescaled intrinsics and undistortion together: 0.21 px measured between the first two images."""
    source = captures / "fox_nerfstudio"
    if not source.is_dir():
        pytest.skip(f"{captures} has no fox_nerfstudio")
    capture = open_capture(source, CaptureOptions(cache=tmp_path, random_points=100))
    assert len(capture) == 50
    assert capture.notes[0].startswith("17 of 67 images are missing and were left out: 0005.jpg")
    assert capture.cameras.size == (534, 948)
    errors = epipolar_errors_px(capture, 0, 1)
    assert len(errors) > 100
    assert np.median(errors) < 0.5
