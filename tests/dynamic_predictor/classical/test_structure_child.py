"""The process that does structure from motion: which model it prefers, its answer, and its end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.images import encode
from dynamic_predictor.classical import structure_child
from scene.cameras import Cameras
from scene.datasets.pycolmap_import import pycolmap
from tests.dynamic_predictor.classical.rooms import FOCAL, HEIGHT, WIDTH, photograph, walk


def model_of(
    cameras: Cameras, posed: list[int], *, points: int = 8, error_px: float = 0.0
) -> pycolmap.Reconstruction:
    """A model of images `{row}.png`, of which some are posed and see all points."""
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(
            model="SIMPLE_PINHOLE", width=WIDTH, height=HEIGHT, camera_id=1,
            params=[FOCAL, WIDTH / 2, HEIGHT / 2],
        )
    )  # fmt: skip
    world = np.random.default_rng(0).uniform((-1, -1, 3), (1, 1, 5), (points, 3))
    for number in range(1, points + 1):
        model.add_point3D(world[number - 1], pycolmap.Track(), np.array([number, 2, 3], np.uint8))
    for row in posed:
        pose = pycolmap.Rigid3d(cameras.viewmats[row, :3].double().numpy())
        image = pycolmap.Image(name=f"{row}.png", camera_id=1, image_id=row + 1)
        seen = [FOCAL * (p := pose * point)[:2] / p[2] + (WIDTH / 2, HEIGHT / 2) for point in world]
        image.points2D = pycolmap.Point2DList([pycolmap.Point2D(xy + np.array([error_px, 0])) for xy in seen])
        model.add_image_with_trivial_frame(image, pose)
        for number in range(1, points + 1):
            model.add_observation(number, pycolmap.TrackElement(row + 1, number - 1))
    model.update_point_3d_errors()
    return model


CAMERAS = walk(4)


def test_the_answer_keeps_rows_pixels_and_poses() -> None:
    names = [f"{row}.png" for row in range(4)]
    arrays = structure_child._arrays(model_of(CAMERAS, [0, 1, 3]), names)
    assert arrays["registered"].tolist() == [True, True, False, True]
    np.testing.assert_allclose(arrays["viewmats"][[0, 1, 3]], CAMERAS.viewmats[[0, 1, 3]], atol=1e-6)
    np.testing.assert_array_equal(arrays["viewmats"][2], np.eye(4))
    assert arrays["focal_px"] == FOCAL
    assert sorted(set(arrays["frames"])) == [0, 1, 3]
    assert len(arrays["frames"]) == 3 * 8
    for frame, point, pixel in zip(arrays["frames"], arrays["points"], arrays["pixels"], strict=True):
        x, y, z = arrays["viewmats"][frame, :3, :3] @ arrays["xyz"][point] + arrays["viewmats"][frame, :3, 3]
        np.testing.assert_allclose(pixel, [FOCAL * x / z + WIDTH / 2, FOCAL * y / z + HEIGHT / 2], atol=1e-9)
    assert arrays["rgb"].dtype == np.uint8


def test_more_frames_win_then_the_smaller_error() -> None:
    few, many = model_of(CAMERAS, [0, 1]), model_of(CAMERAS, [0, 1, 2], error_px=0.5)
    rough = model_of(CAMERAS, [0, 1, 2], error_px=2.0)
    blind = model_of(CAMERAS, [0, 1, 2, 3], points=4)
    better = structure_child._better
    assert better(few, many) is many
    assert better(many, few) is many
    assert better(rough, many) is many
    assert better(few, blind) is few  # frames that see too few points do not count
    assert better(None, few) is few
    assert better(None, None) is None


def test_frames_that_see_too_few_points_are_not_posed() -> None:
    names = [f"{row}.png" for row in range(4)]
    blind = model_of(CAMERAS, [0, 1, 2, 3], points=4)
    arrays = structure_child._arrays(blind, names)
    assert not arrays["registered"].any()
    assert not len(arrays["frames"])
    assert not structure_child._is_good(blind, 4)
    assert structure_child._is_good(model_of(CAMERAS, [0, 1, 2, 3]), 4)


def test_a_second_attempt_that_fails_leaves_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no rotations")

    first = model_of(CAMERAS, [0, 1])
    (tmp_path / "images").mkdir()
    for row in range(4):
        (tmp_path / "images" / f"{row}.png").touch()
    (tmp_path / "request.json").write_text('{"focal_px": null, "guess_px": 1.0, "threads": 1, "seed": 0}')
    for name in ("_match", "_calibrate"):
        monkeypatch.setattr(structure_child, name, lambda *_: None)
    monkeypatch.setattr(structure_child, "_map_incrementally", lambda *_: first)
    monkeypatch.setattr(structure_child, "_map_globally", fails)
    structure_child.main(tmp_path)
    assert np.load(tmp_path / "structure.npz")["registered"].tolist() == [True, True, False, False]
    assert "global mapping: no rotations" in capsys.readouterr().err


@pytest.mark.parametrize("closed", [True, False])
def test_the_process_ends_with_its_standard_input(closed: bool) -> None:
    program = (
        "import sys, time\n"
        "from dynamic_predictor.classical.structure_child import end_with\n"
        "end_with(sys.stdin.fileno())\n"
        "time.sleep(600 if sys.argv[1] == 'closed' else 0)\n"
    )
    root = Path(structure_child.__file__).parents[2]
    words = [sys.executable, "-c", program, "closed" if closed else "open"]
    with subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        if closed:
            process.stdin.close()
        assert process.wait(timeout=300) == (1 if closed else 0)


@pytest.mark.parametrize("focal_px", [None, 77.0])
def test_only_what_the_user_knows_counts_as_measured(tmp_path: Path, focal_px: float | None) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for row in range(2):
        encoded = encode(photograph(CAMERAS[row]).numpy(), ".png")
        (tmp_path / "images" / f"{row}.png").write_bytes(encoded)
        still = encode(np.full((HEIGHT, WIDTH), 255, np.uint8), ".png")
        (tmp_path / "masks" / f"{row}.png.png").write_bytes(still)
    database = tmp_path / "database.db"
    request = structure_child.StructureRequest(focal_px, 120.0, threads=1, seed=0)
    structure_child._match(tmp_path, database, request)
    with pycolmap.Database.open(database) as written:
        (camera,) = written.read_all_cameras()
    assert camera.has_prior_focal_length == (focal_px is not None)
    assert list(camera.params) == [focal_px or 120.0, WIDTH / 2, HEIGHT / 2]
