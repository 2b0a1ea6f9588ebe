"""A root in DL3DV's layout: read by the project's own readers, repeatable, and broken as asked."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bulk.datasets import discover
from bulk.jobs import Job
from bulk.readiness import NotReadyError, check_ready
from core.geometry import project_points
from data.synthetic.__main__ import main
from data.synthetic.dl3dv import DL3DVRoot, scene_names
from scene.datasets import CaptureOptions, open_capture
from tests.data.captures import COARSE
from tests.data.test_synthetic import contents

FAULTS = ("corrupt", "no-sparse", "pointer", "mixed-size", "half-download")
SIZES = ["--scenes", "6", "--views", "16", "--points", "300", "--workers", "1"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "dl3dv"
    assert main(["dl3dv", str(out), *COARSE, *SIZES, "--broken", *FAULTS]) == 0
    return out


def test_the_layout_is_dl3dvs(root: Path) -> None:
    assert sorted(path.name for path in root.iterdir()) == ["1K", "metadata.json"]
    scenes = discover("dl3dv", root)
    assert [scene.name for scene in scenes] == scene_names(DL3DVRoot(root, scenes=6))
    assert all(len(scene.name) == 64 for scene in scenes)
    meta = json.loads((scenes[0].folder / "transforms.json").read_text())
    assert (meta["w"], meta["h"], meta["camera_model"]) == (256, 144, "OPENCV")
    assert meta["frames"][0]["file_path"] == "images/frame_00001.png"


def test_a_whole_scene_is_ready_and_those_broken_on_purpose_are_not(root: Path) -> None:
    whole, *broken = discover("dl3dv", root)
    facts = check_ready(Job(whole, 0.5, root))
    assert (facts.views, facts.width, facts.height) == (16, 64, 36)
    assert json.loads((root / "metadata.json").read_text())["broken"] == {
        scene.name: fault for scene, fault in zip(broken, FAULTS, strict=True)
    }
    expected = ("images.bin is cut off", "sparse", "Git-LFS", "several sizes", "left of a download")
    for scene, reason in zip(broken, expected, strict=True):
        with pytest.raises(NotReadyError, match=reason) as caught:
            check_ready(Job(scene, 0.5, root))
        assert len(caught.value.reasons) == 1


def test_both_descriptions_give_the_same_cameras_at_the_images_size(root: Path) -> None:
    folder = discover("dl3dv", root)[0].folder
    model, transforms = (
        open_capture(folder, CaptureOptions(images="images_4", source_format=kind))
        for kind in ("colmap", "transforms")
    )
    assert model.cameras.size == transforms.cameras.size == (64, 36)
    torch.testing.assert_close(model.cameras.Ks, transforms.cameras.Ks)
    torch.testing.assert_close(model.cameras.viewmats, transforms.cameras.viewmats, atol=1e-5, rtol=0)


def test_points_have_the_colours_of_the_pixels_they_fall_on(root: Path) -> None:
    folder = discover("dl3dv", root)[0].folder
    capture = open_capture(folder, CaptureOptions(images="images_4"))
    assert capture.points is not None
    pixels, z = project_points(capture.points.xyz[None], capture.cameras.viewmats[:1], capture.cameras.Ks[:1])
    inside = ((z[0] > 0) & (pixels[0] > 0).all(1) & (pixels[0] < torch.tensor([64, 36])).all(1)).numpy()
    image = cv2.imread(str(folder / "images_4" / capture.image_names[0]))
    assert image is not None
    column, row = pixels[0][torch.from_numpy(inside)].long().T.numpy()
    colours = capture.points.rgb.numpy()[inside].astype(float)
    differences = np.abs(image[row, column, ::-1] - colours).mean(1)
    shuffled = np.abs(image[row, column, ::-1] - np.random.default_rng(0).permutation(colours)).mean(1)
    assert np.median(differences) < 0.7 * np.median(shuffled)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    words = [*COARSE, "--scenes", "2", "--views", "4", "--points", "50", "--workers", "1"]
    for name in ("a", "b"):
        assert main(["dl3dv", str(tmp_path / name), *words]) == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--scenes", "0"], "--scenes 0"),
        (["--views", "2"], "at least 3 were expected"),
        (["--scenes", "1", "--broken", "corrupt", "pointer"], "--broken names 2 faults for 1 scenes"),
        (["--subset", "../x"], "--subset ../x"),
    ],
)
def test_what_cannot_be_made(
    tmp_path: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dl3dv", str(tmp_path / "out"), *words]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
