"""The report of a driving log says what the files say, links its videos, and leaves out what is not there."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.files import write_json
from core.images import write_png
from core.run_folder import RunFolder, ViewSet
from evaluation.report import write_street_report
from evaluation.street_scores import SCORES_FILE
from tests.pages import Reader

KINDS = ("renders", "gt", "depth", "moving")
MEMORY = 3 * 2**30


def make_street(path: Path, *, views_are: ViewSet = "test", views: int = 5) -> RunFolder:
    """A run of which all is known: two stages, views of noise, two videos."""
    folder = RunFolder(path)
    write_json(folder.config, {"method": "street", "source_path": "logs/a & b"})
    for number in range(views):
        for kind in KINDS:
            picture = np.full((12, 20, 3), 20 * number, np.uint8)
            write_png(folder.images(views_are, 30, "renders").with_name(kind) / f"{number:05d}.png", picture)
    numbers = [{"psnr": 20.0 + number, "ssim": 0.5, "dpsnr": 10.0 + number} for number in range(views)]
    shown = [{"name": f"00{number}_front.jpg", "numbers": each} for number, each in enumerate(numbers)]
    summary = {
        views_are: {"psnr": 22.5, "dpsnr_pooled": 12.25, "separation_iou": 0.875},
        "train": {"psnr": 31.0},
    }
    write_json(
        path / SCORES_FILE,
        {"iteration": 30, "seconds_per_view": 0.125, "summary": summary, "views": {views_are: shown}},
    )
    for stage, iterations, seconds in ((RunFolder(path / "static"), 10, 5.0), (folder, 30, 120.0)):
        lines = [{"step": step, "loss": 1 / step, "psnr": 10.0 + step, "gaussians": 1e3} for step in (1, 10)]
        lines.append({"step": iterations, "test_psnr": 21.0, "test_dpsnr_pooled": 11.0})
        stage.path.mkdir(exist_ok=True)
        stage.log.write_text("".join(json.dumps(line) + "\n" for line in lines))
        timing = {"iterations": iterations, "training_seconds": seconds, "peak_memory_bytes": MEMORY}
        write_json(stage.timing, timing)
    (path / "videos").mkdir()
    for name in ("rgbs", "lateral_shift_2m"):
        (path / "videos" / f"{name}.mp4").touch()
    return folder


def test_the_page_says_what_the_files_say(tmp_path: Path) -> None:
    reader = Reader(write_street_report(make_street(tmp_path / "ein <Lauf>")).read_text("utf-8"))
    for expected in (
        "ein <Lauf>", "A street in 4D from a & b, scored on 5 views that it has not seen", "22.50", "12.25",
        "0.875", "31.00", "8.0", "3.0 GiB", "2 min 5 s", "2.00", "0.25", "worst", "median", "best",
        "000_front.jpg", "002_front.jpg", "004_front.jpg", "DPSNR 12.00 dB", "lateral shift 2m",
        "Training of what stands still", "Training of what moves", "All held-out views",
    ):  # fmt: skip
        assert expected in reader.text, expected
    assert len(reader.images) == 3 * 5 + 5
    links = [load for load in reader.loads if not load.startswith("data:")]
    assert links == ["videos/rgbs.mp4", "videos/lateral_shift_2m.mp4"]


def test_what_moves_is_shown_by_itself(tmp_path: Path) -> None:
    folder = make_street(tmp_path / "run", views=1)
    reader = Reader(write_street_report(folder).read_text("utf-8"))
    assert [image["alt"] for image in reader.images][-1] == "what moves in 000_front.jpg"
    (folder.path / "test" / "ours_30" / "moving" / "00000.png").unlink()
    assert len(Reader(write_street_report(folder).read_text("utf-8")).images) == 4


def test_without_held_out_views_the_scores_are_of_reconstruction(tmp_path: Path) -> None:
    page = Reader(write_street_report(make_street(tmp_path / "run", views_are="train")).read_text("utf-8"))
    assert "the scores are those of reconstruction" in page.text
    assert "No view was held out" in page.text
    assert "held-out views" not in page.text.partition("Training of")[0]


def test_a_run_that_is_not_scored_has_curves(tmp_path: Path) -> None:
    folder = make_street(tmp_path / "run")
    (folder.path / SCORES_FILE).unlink()
    page = write_street_report(folder).read_text("utf-8")
    assert "<polyline" in page
    assert Reader(page).images == []


@pytest.mark.parametrize("content", [[], {"views": {"test": [3]}, "summary": {"test": {}}}, {"summary": 7}])
def test_damage_is_told(tmp_path: Path, content: object) -> None:
    folder = make_street(tmp_path / "run", views=1)
    write_json(folder.path / SCORES_FILE, content)
    with pytest.raises(UserError, match=SCORES_FILE):
        write_street_report(folder)
    assert not folder.report.exists()
