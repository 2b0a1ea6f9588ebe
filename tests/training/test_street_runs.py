"""Runs on driving logs opened again: what was saved, on the log it was trained on."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from configs.street import PRESETS
from core.errors import UserError
from core.files import read_json, write_json
from core.run_folder import RunFolder
from evaluation import lpips as lpips_module
from evaluation.street_scores import SCORES_FILE
from scene.boxes import points_inside
from scene.capture import PointCloud
from scene.datasets import open_log
from scene.drive import Box, Drive
from scene.gaussian_model import StaticGaussians
from scene.street_gaussians import StreetGaussians
from tests.training.streets import BOX, FRAMES, HZ, box_centre, write_log
from training import street_runs
from training.runs import identity_of, start_run
from training.street_config import StreetConfig
from training.street_files import save_street
from training.street_runs import is_street, open_street, score_street
from training.street_scene import StreetScene

CONFIG: StreetConfig = replace(PRESETS["street-tiny"], stride=3, encoder_type="none")
ITERATION = 24


def boxes() -> list[tuple[Box, ...]]:
    """The box that drives, as a label."""
    poses = torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1)
    poses[:, :3, 3] = torch.stack([torch.from_numpy(box_centre(frame / HZ)) for frame in range(FRAMES)])
    size = (float(BOX[0]), float(BOX[1]), float(BOX[2]))
    return [(Box("box", "vehicle", pose, size, 4.0, 99),) for pose in poses]


def labelled(drive: Drive) -> Drive:
    return replace(drive, boxes=boxes())


def make_run(folder: Path, *, stage: str = "") -> Path:
    """A run, as a training leaves it, of a street with a red box made of Gaussians that drives on."""
    log = write_log(folder / "log")
    run = RunFolder(folder / "run")
    start_run(run, identity_of(log, CONFIG))
    capture = open_log(log, CONFIG.log)
    drive = capture.drive
    assert drive is not None
    grey = torch.full((40, 3), 120, dtype=torch.uint8)
    still = StaticGaussians.from_points(
        PointCloud(torch.rand(40, 3) * torch.tensor([1.0, 12, 4]) + torch.tensor([14.0, -6, -1]), grey),
        sh_degree=1,
    )
    centre = torch.from_numpy(box_centre(0.0)).float()
    red = torch.tensor([[200, 20, 20]], dtype=torch.uint8).repeat(30, 1)
    places = centre + (torch.rand(30, 3) - 0.5) * torch.from_numpy(BOX).float()
    moving = StaticGaussians.from_points(
        PointCloud(places, red), sh_degree=1, opacity=0.9, sizes=torch.full((30,), 0.3)
    )
    velocities = torch.tensor([[0.0, 4.0, 0.0]]).repeat(30, 1)
    street = StreetGaussians.standing(still, None, drive.duration_s).joined(
        moving, velocities, torch.zeros(30), span_s=5.0, gate=0.999
    )
    save_street(RunFolder(run.path / stage), ITERATION, StreetScene(street, None, None), capture)
    return run.path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("straße"))


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy to spoil; its log is where it was."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_what_was_saved_comes_back(trained: Path) -> None:
    street = open_street(trained)
    assert (street.iteration, street.folder.path) == (ITERATION, trained)
    assert (len(street.split.train), len(street.split.test)) == (10, 2)
    assert (len(street.scene.model), int(street.scene.model.movable().sum())) == (70, 30)
    means = street.scene.model.splats(0.4).means[40:]
    assert points_inside(boxes()[2][0], means.detach()).float().mean() > 0.9


def test_a_static_stage_alone_is_opened_too(tmp_path: Path) -> None:
    run = make_run(tmp_path, stage="static")
    assert open_street(run).iteration == ITERATION


def test_a_log_that_has_moved(run: Path, tmp_path: Path) -> None:
    identity = read_json(run / "config.json")
    log = shutil.copytree(identity["source_path"], tmp_path / "elsewhere")
    write_json(run / "config.json", {**identity, "source_path": str(tmp_path / "gone")})
    assert len(open_street(run, source=Path(log)).capture) == 12
    with pytest.raises(UserError, match="gone"):
        open_street(run)


def test_scores_are_those_of_the_end_or_new_ones(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lpips_module, "find_weights", lambda _: None)
    stored = {"test": {"psnr": 12.345}}
    write_json(run / SCORES_FILE, {"iteration": ITERATION, "summary": stored, "views": {}})
    assert "12.345" in score_street(run)
    write_json(run / SCORES_FILE, {"iteration": ITERATION - 1, "summary": stored, "views": {}})
    assert "12.345" not in score_street(run)
    assert read_json(run / SCORES_FILE)["iteration"] == ITERATION
    assert len(read_json(run / SCORES_FILE)["views"]["test"]) == 2
    assert RunFolder(run).report.is_file()


def test_lpips_is_added_once_its_weights_are_there(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only then: a run is not scored anew for nothing."""
    asked: list[str] = []

    def rescored(_: object, network: str) -> dict[str, dict[str, float]]:
        asked.append(network)
        return {"test": {"lpips": 0.5}}

    monkeypatch.setattr(street_runs, "write_scores", rescored)
    contents = {"iteration": ITERATION, "summary": {"test": {"psnr": 12.345}}, "views": {}}
    write_json(run / SCORES_FILE, {**contents, "lpips_network": None})
    monkeypatch.setattr(street_runs, "has_weights", lambda _: False)
    assert "12.345" in score_street(run)
    assert "no LPIPS without alex.pth" in capsys.readouterr().err
    monkeypatch.setattr(street_runs, "has_weights", lambda _: True)
    assert "lpips" in score_street(run)
    write_json(run / SCORES_FILE, {**contents, "lpips_network": "alex"})
    assert "12.345" in score_street(run)
    assert "12.345" in score_street(run, "alex")
    assert "lpips" in score_street(run, "vgg")
    write_json(run / SCORES_FILE, {**contents, "lpips_network": "vgg"})
    assert "12.345" in score_street(run)
    assert asked == ["alex", "vgg"]


def test_what_is_no_run_on_a_log_is_told(run: Path, tmp_path: Path) -> None:
    assert is_street(run)
    assert not is_street(tmp_path)
    with pytest.raises(UserError, match="holds no run on a driving log"):
        open_street(tmp_path)
    with pytest.raises(UserError, match=f"has no iteration 7; saved are {ITERATION}"):
        open_street(run, 7)
    write_json(run / "config.json", {"method": "static"})
    assert not is_street(run)
