"""What a run ends with: scores with their pace, files for viewers, the report; and the table of scores."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.files import read_json
from core.run_folder import RunFolder
from evaluation import lpips as lpips_module
from evaluation.street_scores import SCORES_FILE
from scene.cameras_json import read_cameras_json
from scene.splits import Split
from tests.training.test_street_runs import ITERATION, make_run
from training.street_config import OutputConfig
from training.street_outputs import format_scores, write_scores, write_street_outputs
from training.street_runs import open_street
from training.street_views import TrainedStreet


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> TrainedStreet:
    """With few views, as each is drawn and written."""
    opened = open_street(make_run(tmp_path_factory.mktemp("straße")))
    return replace(opened, split=Split((2, 5, 8), (6, 7), "a few"))


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lpips_module, "find_weights", lambda _: None)


def test_what_a_run_ends_with(street: TrainedStreet, capsys: pytest.CaptureFixture[str]) -> None:
    write_street_outputs(street, OutputConfig(videos=False))
    folder: RunFolder = street.folder
    told = capsys.readouterr().err
    assert "no LPIPS without alex.pth" in told
    assert "psnr_channels" in told
    assert folder.report.is_file()
    assert "sh_degree=1" in folder.cfg_args.read_text()
    _, names = read_cameras_json(folder.cameras)
    split, all_names = street.split, street.capture.image_names
    assert names == tuple(all_names[row] for row in (*split.test, *split.train))
    stored = read_json(folder.path / SCORES_FILE)
    assert (stored["iteration"], stored["lpips_network"]) == (ITERATION, None)
    assert 0 < stored["seconds_per_view"] < 10
    for name, count in (("test", 2), ("train", 3)):
        for kind in ("renders", "gt", "depth", "moving"):
            assert len(list((folder.path / name / f"ours_{ITERATION}" / kind).glob("*.png"))) == count
        assert len(stored["views"][name]) == count


def test_pixels_that_do_not_count_are_left_out(street: TrainedStreet, tmp_path: Path) -> None:
    left = torch.zeros(32, 48, dtype=torch.bool)
    left[:, :24] = True
    capture = replace(street.capture, valid_masks=[left] * len(street.capture))
    folder = RunFolder(tmp_path)
    write_scores(replace(street, capture=capture, folder=folder))
    stored = read_json(tmp_path / SCORES_FILE)
    assert all(view["squares"]["psnr"][1] == 32 * 24 for view in stored["views"]["test"])


def test_the_table_has_a_line_a_number_and_a_dash_for_what_is_not_known() -> None:
    lines = format_scores({"test": {"psnr": 25.5, "dpsnr": 20.0}, "train": {"psnr": 27.25}}).splitlines()
    assert [line.split() for line in lines] == [
        ["test", "train"], ["psnr", "25.500", "27.250"], ["dpsnr", "20.000", "-"],
    ]  # fmt: skip
