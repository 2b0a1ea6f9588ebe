"""Streets on disk: what is written comes back, and what is broken is told."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from configs.street import PRESETS
from core.errors import UserError
from core.run_folder import RunFolder
from scene.capture import Capture
from scene.datasets import open_log
from scene.gaussian_model import StaticGaussians
from scene.sky import Sky
from tests.training.streets import write_log
from tests.training.test_street import start
from training.street_files import MOVING, TENSORS, load_street, save_street
from training.street_scene import StreetScene

CONFIG = replace(PRESETS["street-tiny"], encoder_type="hexplane")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return open_log(write_log(tmp_path_factory.mktemp("log") / "log"))


@pytest.fixture
def scene(capture: Capture) -> StreetScene:
    model = start(capture, encoder="hexplane")
    assert model.deformation is not None
    torch.nn.init.normal_(model.deformation.head.weight, std=0.01)
    sky = Sky(CONFIG.fit.sky)
    with torch.no_grad():
        sky.texture.uniform_()
    return StreetScene(model, sky, {0: torch.rand(3, 4), 5: torch.rand(3, 4)})


def test_a_street_comes_back(capture: Capture, scene: StreetScene, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    save_street(folder, 7, scene, capture)
    path = folder.point_cloud(7)
    found = load_street(path.with_name(TENSORS), CONFIG, capture)
    camera, time = capture.cameras[3], 0.4
    ours, theirs = (one.draw(camera, time) for one in (scene, found))
    assert torch.equal(ours.raw, theirs.raw)
    assert found.transforms is not None
    assert scene.transforms is not None
    assert torch.equal(found.transforms[5], scene.transforms[5])
    movable = int(scene.model.movable().sum())
    assert len(StaticGaussians.load_ply(path)) == len(scene.model) - movable
    assert len(StaticGaussians.load_ply(path.with_name(MOVING))) == movable


def test_what_does_not_fit_is_told(capture: Capture, scene: StreetScene, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    save_street(folder, 7, scene, capture)
    path = folder.point_cloud(7).with_name(TENSORS)
    for config, told in (
        (replace(CONFIG, encoder_type="none"), "another field"),
        (replace(CONFIG, encoder_type="hash"), "another field"),
        (replace(CONFIG, fit=replace(CONFIG.fit, sky=replace(CONFIG.fit.sky, sky_rows=8))), "--sky-rows"),
    ):
        with pytest.raises(UserError, match=told):
            load_street(path, config, capture)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        load_street(path, CONFIG, capture)
    path.unlink()
    with pytest.raises(UserError, match="is missing"):
        load_street(path, CONFIG, capture)


def test_what_belongs_to_a_view_is_found_by_its_name(
    capture: Capture, scene: StreetScene, tmp_path: Path
) -> None:
    """Read on a clip without the first frame, in images of half the size."""
    moved = capture.cameras.viewmats.clone()
    moved[:, 0, 3] += torch.arange(len(capture))
    learned = replace(scene, cameras=replace(capture.cameras, viewmats=moved))
    folder, rows = RunFolder(tmp_path), list(range(2, len(capture)))
    save_street(folder, 7, learned, capture)
    sizes = capture.cameras[rows]
    part = replace(
        capture,
        cameras=sizes.resized(sizes.width // 2, sizes.height // 2),
        image_names=capture.image_names[2:],
    )
    found = load_street(folder.point_cloud(7).with_name(TENSORS), CONFIG, part)
    assert found.transforms is not None
    assert scene.transforms is not None
    assert list(found.transforms) == [3]
    assert torch.equal(found.transforms[3], scene.transforms[5])
    placed = found.placed(part).cameras
    assert torch.equal(placed.viewmats, moved[2:])
    torch.testing.assert_close(placed.Ks, part.cameras.Ks)


def test_a_street_of_another_world_is_refused(capture: Capture, scene: StreetScene, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    save_street(folder, 7, scene, capture)
    path = folder.point_cloud(7).with_name(TENSORS)
    assert capture.drive is not None
    elsewhere = torch.eye(4, dtype=torch.float64)
    elsewhere[0, 3] = 3.0
    unknown, other = (
        replace(capture, drive=replace(capture.drive, log_from_world=pose)) for pose in (None, elsewhere)
    )
    assert load_street(path, CONFIG, unknown).sky is not None
    with pytest.raises(UserError, match=r"another world .* 3\.00 m apart"):
        load_street(path, CONFIG, other)
