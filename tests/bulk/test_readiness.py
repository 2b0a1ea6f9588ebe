"""A scene that will do, and every way in which one does not; several at once are told at once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bulk.datasets import discover
from bulk.jobs import Job, SceneSource
from bulk.readiness import NotReadyError, ReadinessConfig, check_ready
from scene.datasets.lenses import Lens
from tests.bulk.test_half_downloads import POINTER
from tests.scene.datasets.sources import OPENCV, write_colmap, write_image, write_transforms

VIEWS = 20


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A scene in DL3DV's layout: 20 views, 120 points, images_4."""
    folder = tmp_path / "1K" / "abc"
    write_colmap(folder, VIEWS, folder="images_4", points=120)
    write_transforms(folder, VIEWS, folder="images_4")
    return folder


def job(folder: Path, split: float = 0.5) -> Job:
    return Job(SceneSource(folder.name, "1K", folder, "images_4", "dl3dv"), split, folder.parent / "out")


def reasons(folder: Path, config: ReadinessConfig | None = None, split: float = 0.5) -> str:
    with pytest.raises(NotReadyError) as caught:
        check_ready(job(folder, split), config)
    assert str(caught.value).startswith(f"{folder} is not ready: ")
    return "; ".join(caught.value.reasons)


def test_facts_of_a_scene_that_will_do(scene: Path) -> None:
    facts = check_ready(job(scene, 0.3))
    assert (facts.views, facts.train_views, facts.test_views) == (20, 6, 14)
    assert (facts.width, facts.height, facts.points) == (32, 24, 120)
    assert facts.camera_models == ("PINHOLE",)
    assert (facts.missing_images, facts.unregistered_images) == (0, 0)
    assert facts.warnings == ("images_4 are 32x24 where 960x540 were expected: the capture is not in 4K",)


def test_a_source_is_only_read(scene: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in scene.rglob("*")}
    check_ready(job(scene))
    assert {path: path.stat().st_mtime_ns for path in scene.rglob("*")} == before


def test_distorted_cameras_will_do(tmp_path: Path) -> None:
    write_colmap(tmp_path / "abc", VIEWS, lenses=[OPENCV] * VIEWS, folder="images_4", points=120)
    write_transforms(tmp_path / "abc", VIEWS, folder="images_4")
    assert check_ready(job(tmp_path / "abc")).camera_models == ("OPENCV",)


def truncate(folder: Path) -> None:
    path = folder / "sparse" / "0" / "images.bin"
    path.write_bytes(path.read_bytes()[:-100])


def make_pointer(folder: Path) -> None:
    (folder / "sparse" / "0" / "points3D.bin").write_bytes(POINTER)


def make_pointer_of_image(folder: Path) -> None:
    (folder / "images_4" / "0007.png").write_bytes(POINTER)


def resize_one(folder: Path) -> None:
    write_image(folder / "images_4" / "0015.png", 16, 12)


def damage_last(folder: Path) -> None:
    path = folder / "images_4" / f"{VIEWS:04d}.png"
    path.write_bytes(path.read_bytes()[:200])


def turn_all(folder: Path) -> None:
    for path in (folder / "images_4").iterdir():
        write_image(path, 24, 32)


def remove_images(folder: Path) -> None:
    for number in range(1, 9):
        (folder / "images_4" / f"{number:04d}.png").unlink()


def break_pose(folder: Path) -> None:
    shutil.rmtree(folder / "sparse")
    meta = json.loads((folder / "transforms.json").read_text())
    for frame in meta["frames"][:3]:
        frame["transform_matrix"][0][3] = float("nan")
    (folder / "transforms.json").write_text(json.dumps(meta))


def unknown_model(folder: Path) -> None:
    shutil.rmtree(folder / "sparse")
    meta = json.loads((folder / "transforms.json").read_text()) | {"camera_model": "OMNI"}
    (folder / "transforms.json").write_text(json.dumps(meta))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (truncate, "images.bin is cut off"),
        (make_pointer, "points3D.bin are Git-LFS pointers"),
        (make_pointer_of_image, "0007.png are Git-LFS pointers"),
        (resize_one, "several sizes (19 of 32x24, 1 of 16x12)"),
        (damage_last, "0020.png"),
        (turn_all, "one of the two is rotated; rotate the image (and 19 views more)"),
        (remove_images, "8 of 20 posed images are missing (0001.png, 0002.png, 0003.png and 5 more)"),
        (lambda folder: shutil.rmtree(folder / "images_4"), "images_4 is missing or holds no images"),
        (lambda folder: shutil.rmtree(folder / "sparse"), "the COLMAP model, is missing"),
        (lambda folder: (folder / "transforms.json").unlink(), "transforms.json is missing"),
        (lambda folder: (folder / "abc.zip").touch(), "abc.zip are left of a download"),
        (lambda folder: (folder / ".cache").mkdir(), ".cache are left of a download"),
        (lambda folder: (folder / "images_4" / "0021.png.part").touch(), "0021.png.part are left"),
        (lambda folder: (folder / "partition.json").write_text("[]"), "partition.json was expected to hold"),
    ],
)
def test_what_is_wrong_is_named(scene: Path, damage: Callable[[Path], object], expected: str) -> None:
    damage(scene)
    assert expected in reasons(scene)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            break_pose,
            "the pose of 0001.png is not finite; remove the view or mend its numbers (and 2 views more)",
        ),
        (unknown_model, "camera model OMNI"),
    ],
)
def test_what_is_wrong_with_transforms_alone(
    scene: Path, damage: Callable[[Path], object], expected: str
) -> None:
    damage(scene)
    assert expected in reasons(scene, ReadinessConfig(allow_missing_model=True))


def test_all_reasons_are_told_at_once(scene: Path) -> None:
    resize_one(scene)
    remove_images(scene)
    (scene / "x.zip").touch()
    told = reasons(scene)
    for part in ("x.zip", "several sizes", "8 of 20", "12 views can be used", "6 views are held out"):
        assert part in told


@pytest.mark.parametrize(
    ("split", "expected"),
    [(0.05, "1 views train, 2 were expected"), (0.9, "2 views are held out, 8 were expected")],
)
def test_splits_leave_enough_on_both_sides(scene: Path, split: float, expected: str) -> None:
    assert expected in reasons(scene, split=split)
    check_ready(job(scene, split), ReadinessConfig(least_train_views=1, least_test_views=1))


def test_too_few_points(tmp_path: Path) -> None:
    write_colmap(tmp_path / "abc", VIEWS, folder="images_4", points=100)
    write_transforms(tmp_path / "abc", VIEWS, folder="images_4")
    assert "100 points to start from, 101 were expected" in reasons(tmp_path / "abc")


def test_what_can_be_lived_with_is_a_warning(scene: Path) -> None:
    (scene / "images_4" / "0001.png").unlink()
    write_image(scene / "images_4" / "extra.png", 32, 24)
    meta = json.loads((scene / "transforms.json").read_text())
    (scene / "transforms.json").write_text(json.dumps(meta | {"frames": meta["frames"][:-2]}))
    facts = check_ready(job(scene))
    assert (facts.views, facts.missing_images, facts.unregistered_images) == (19, 1, 1)
    told = " | ".join(facts.warnings)
    assert "1 of 20 posed images are missing (0001.png)" in told
    assert "1 images have no pose" in told
    assert "transforms.json lists 18 frames" in told


def test_random_points_stand_in_where_that_is_allowed(scene: Path) -> None:
    shutil.rmtree(scene / "sparse")
    facts = check_ready(job(scene), ReadinessConfig(allow_missing_model=True))
    assert facts.points == 0
    assert any("random ones stand in" in warning for warning in facts.warnings)


def test_a_partition_in_the_source_counts(scene: Path) -> None:
    (scene / "partition.json").write_text(json.dumps({"train": [0], "test": list(range(1, 20))}))
    assert "1 views train" in reasons(scene)


def test_spherical_cameras_are_refused(tmp_path: Path) -> None:
    lens = Lens("EQUIRECTANGULAR", (32.0, 24.0), 32, 24)
    write_colmap(tmp_path / "abc", VIEWS, lenses=[lens] * VIEWS, folder="images_4", points=120)
    write_transforms(tmp_path / "abc", VIEWS, folder="images_4")
    assert "sees all around" in reasons(tmp_path / "abc")


def film_job(root: Path) -> Job:
    return Job(discover("video", root)[0], 0.5, root / "out")


def test_films(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    random = np.random.default_rng(0)
    still = random.integers(0, 256, (48, 128, 3), dtype=np.uint8)
    for frame in range(20):
        writer.write(np.ascontiguousarray(still[:, frame : frame + 64]))
    writer.release()
    facts = check_ready(film_job(tmp_path), ReadinessConfig(least_views=10))
    assert (facts.views, facts.train_views, facts.width, facts.height, facts.points) == (20, 10, 64, 48, 0)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "is empty"), (b"no film", "does not decode"), (POINTER, "Git-LFS pointer")],
)
def test_broken_films(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(NotReadyError, match=expected):
        check_ready(film_job(tmp_path))


def linked(root: Path, captures: Path, name: str, **links: str) -> Path:
    """A scene of links into a read-only capture."""
    if not (captures / name).is_dir():
        pytest.skip(f"{captures} has no {name}")
    root.mkdir(parents=True)
    for link, target in links.items():
        (root / link.replace("__", ".")).symlink_to(captures / name / target)
    return root


@pytest.mark.data
def test_the_fox_as_colmap(captures: Path, tmp_path: Path) -> None:
    linked(tmp_path / "fox", captures, "fox_colmap", sparse="sparse", images_2="images_2")
    (found,) = discover("colmap", tmp_path)
    facts = check_ready(Job(found, 0.5, tmp_path / "out"))
    assert (facts.views, facts.width, facts.height, facts.points) == (50, 530, 947, 13_851)
    assert facts.warnings == ()


@pytest.mark.data
def test_the_fox_as_dl3dv(captures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "1K" / "fox"
    linked(folder, captures, "fox_nerfstudio", transforms__json="transforms.json", images_4="images")
    (found,) = discover("dl3dv", tmp_path)
    wanted = Job(found, 0.5, tmp_path / "out")
    with pytest.raises(NotReadyError, match="sparse, the COLMAP model, is missing"):
        check_ready(wanted)
    facts = check_ready(wanted, ReadinessConfig(allow_missing_model=True))
    assert (facts.views, facts.missing_images, facts.camera_models) == (50, 17, ("OPENCV",))
