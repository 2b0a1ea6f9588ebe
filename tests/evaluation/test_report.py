"""The page stands alone, says what the files say, and its sliders work in a real browser."""

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import environment
from core.errors import UserError
from core.images import read_image, write_png
from core.run_folder import RunFolder
from evaluation.image_metrics import Scores
from evaluation.report import write_report
from evaluation.report.facts import ViewFiles
from evaluation.report.markup import duration
from evaluation.report.page import pick
from evaluation.scoring import TOLD, score_run, write_scores
from tests.browser import CHROMIUM, open_browser
from tests.evaluation.conftest import add_masks, make_run
from tests.pages import Reader


def scored_run(path: Path, views: int = 5) -> RunFolder:
    """A run with all that a report can show."""
    folder = make_run(path, views, sizes=((60, 40), (40, 60)))
    for row in range(views):
        depth = np.full(read_image(folder.images("test", 30, "gt") / f"{row:05d}.png").shape, row, np.uint8)
        write_png(folder.images("test", 30, "depth") / f"{row:05d}.png", depth)
    folder.config.write_text(
        json.dumps({"method": "static", "source_path": "a/garden & <b>", "config": {"eval": True}})
    )
    folder.cameras.write_text(json.dumps([{"img_name": f"photo <{row}>.jpg"} for row in range(views + 3)]))
    lines = [
        {"step": step, "seconds": step / 2, "loss": 1 / step, "psnr": 10.0 + step, "gaussians": 1e3 * step}
        for step in map(float, range(1, 31))
    ]
    lines += [{"step": 30.0, "test_psnr": 21.0, "test_ssim": 0.5}]
    folder.log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder.timing.write_text(json.dumps({"iterations": 30, "training_seconds": 3725.0}))
    write_scores(folder, score_run(folder, None))
    return folder


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    page = write_report(scored_run(tmp_path / "run")).read_text("utf-8")
    assert all(load.startswith("data:image/webp;base64,") for load in Reader(page).loads)
    assert not re.search(r"https?://|@import|url\(", page)


def test_the_page_says_what_the_files_say(tmp_path: Path) -> None:
    folder = scored_run(tmp_path / "ein <Lauf> & mehr")
    reader = Reader(write_report(folder).read_text("utf-8"))
    mean = json.loads(folder.results.read_text())["ours_30"]
    for expected in (
        "ein <Lauf> & mehr", "garden & <b>", f"{mean['PSNR']:.2f}", f"{mean['SSIM']:.3f}", "30,000",
        "1 h 2 min", "photo <0>.jpg", "photo <4>.jpg", "worst", "median", "best", "held-out views",
        "python metrics.py -m", '"eval": true',
    ):  # fmt: skip
        assert expected in reader.text
    per_view = json.loads(folder.per_view.read_text())["ours_30"]["PSNR"]
    assert all(f"{value:.2f}" in reader.text for value in per_view.values())


def test_pictures_are_those_of_the_views(tmp_path: Path) -> None:
    folder = scored_run(tmp_path / "run", views=1)
    reader = Reader(write_report(folder).read_text("utf-8"))
    photograph, render, error, depth = reader.images
    for image, kind in ((photograph, "gt"), (render, "renders"), (depth, "depth")):
        data = base64.b64decode(image["src"].partition(",")[2])
        shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert (int(image["width"]), int(image["height"])) == shown.shape[1::-1] == (60, 40)
        stored = read_image(folder.images("test", 30, kind) / "00000.png")
        assert np.abs(shown.mean((0, 1)) - stored.mean((0, 1))).max() < 4
    assert "error" in error["alt"]


def test_command_and_machine_are_those_of_the_training_if_they_were_kept(tmp_path: Path) -> None:
    folder = scored_run(tmp_path / "run")
    assert "python train.py -s 'a/garden &amp; &lt;b&gt;'" in write_report(folder).read_text("utf-8").replace(
        "&#x27;", "'"
    )
    told = {"command": "python train.py -s x --eval", "processor": "abacus"}
    (folder.path / environment.FILE).write_text(json.dumps(told))
    reader = Reader(write_report(folder).read_text("utf-8"))
    assert told["command"] in reader.text
    assert "abacus" in reader.text


def test_without_held_out_views_some_training_views_are_shown(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=7, views_of="train")
    reader = Reader(write_report(folder).read_text("utf-8"))
    assert "No view was held out" in reader.text
    assert len(reader.images) == 3 * 3


def test_a_run_that_was_only_trained_has_curves(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.config.write_text("{}")
    folder.log.write_text('{"step": 1.0, "loss": 0.5}\n{"step": 2.0, "loss": 0.25}\n')
    page = write_report(folder).read_text("utf-8")
    assert "<polyline" in page
    assert Reader(page).images == []


def test_broken_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no run folder"):
        write_report(RunFolder(tmp_path))
    folder = scored_run(tmp_path / "run")
    for path in (folder.config, folder.cameras, folder.timing):
        kept = path.read_text()
        path.write_text("3")
        with pytest.raises(UserError, match=path.name):
            write_report(folder)
        path.write_text(kept)
    render = folder.images("test", 30, "renders") / "00000.png"
    render.write_bytes(render.read_bytes()[:30])
    with pytest.raises(UserError, match=r"00000\.png does not decode"):
        write_report(folder)
    assert not folder.report.exists()


def test_worst_median_and_best_are_by_psnr() -> None:
    none = Path()
    views = [
        ViewFiles(str(psnr), none, none, None, Scores(float(psnr), 0.0, None))
        for psnr in (24, 31, 19, 40, 27)
    ]
    assert [(which, view.name) for which, view in pick(views)] == [
        ("worst", "19"),
        ("median", "27"),
        ("best", "40"),
    ]
    assert [(which, view.name) for which, view in pick(views[:2])] == [("worst", "24"), ("best", "31")]
    assert len(pick(views[:1])) == 1
    assert pick([]) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.04, "0.0 s"),
        (8.06, "8.1 s"),
        (59.99, "60.0 s"),
        (60.0, "1 min 0 s"),
        (3599.0, "59 min 59 s"),
        (7800.0, "2 h 10 min"),
    ],
)
def test_duration(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_sliders_and_curves_in_a_browser(tmp_path: Path) -> None:
    """Mouse and keyboard move the boundary between rendering and photograph; curves tell their values."""
    report = write_report(scored_run(tmp_path / "run"))
    split = "document.querySelector('.stage').style.getPropertyValue('--split')"
    clip = "getComputedStyle(document.querySelector('.stage .render')).clipPath"
    with open_browser(tmp_path / "profile") as page:
        page.open(report)
        assert page.evaluate(split) == "50%"
        page.evaluate("document.querySelector('.stage').scrollIntoView()")
        box = page.evaluate(
            "(({x, y, width, height}) => [x, y, width, height])"
            "(document.querySelector('.stage').getBoundingClientRect())"
        )
        x, y, width, height = box
        page.mouse("mousePressed", x + 0.25 * width, y + height / 2)
        assert float(page.evaluate(split).rstrip("%")) == pytest.approx(25, abs=1)
        page.mouse("mouseMoved", x + 0.8 * width, y + height / 2)
        page.mouse("mouseReleased", x + 0.8 * width, y + height / 2)
        after_mouse = float(page.evaluate(split).rstrip("%"))
        assert after_mouse == pytest.approx(80, abs=1)
        page.key("ArrowLeft", 37)
        assert float(page.evaluate(split).rstrip("%")) < after_mouse
        page.key("Home", 36)
        assert page.evaluate(split) == "0%"
        assert page.evaluate(clip) == "inset(0px 100% 0px 0px)"
        page.key("End", 35)
        assert page.evaluate(clip) == "inset(0px 0% 0px 0px)"

        value = "document.querySelector('.chart output').textContent"
        before = page.evaluate(value)
        page.evaluate("document.querySelector('.chart').scrollIntoView()")
        x, y, width, height = page.evaluate(
            "(({x, y, width, height}) => [x, y, width, height])"
            "(document.querySelector('.chart svg').getBoundingClientRect())"
        )
        page.command("Input.dispatchMouseEvent", type="mouseMoved", x=x + width / 2, y=y + height / 2)
        assert re.search(r"dB at \d+", page.evaluate(value))
        assert page.evaluate(value) != before
        assert page.problems == []
        assert {request.partition(":")[0] for request in page.requests} <= {"file", "data"}


def test_a_video_has_a_table_of_static_pixels(tmp_path: Path) -> None:
    folder = add_masks(make_run(tmp_path / "run", views=2))
    *_, refined = methods = score_run(folder, None)
    write_scores(folder, methods)
    page = Reader(write_report(folder).read_text())
    assert "where nothing moves in them" in page.text
    for method in methods:
        assert TOLD[method.drawn] in page.text
        assert f"{method.mean.psnr:.3f}" in page.text
        assert f"{method.mean.legacy_psnr:.3f}" in page.text
    assert f"{refined.mean.psnr:.2f}" in page.text, "the headline"
    assert "moves" in page.text


def test_views_that_were_not_scored_leave_the_others_their_names(tmp_path: Path) -> None:
    folder = add_masks(make_run(tmp_path / "run", views=3), others=False)
    names = [{"img_name": f"{row}.jpg"} for row in (5, 15, 25)]
    folder.cameras.write_text(json.dumps(names))
    (folder.path / "test" / "ours_30" / "dynamic_masks" / "00000.png").unlink()
    write_scores(folder, score_run(folder, None))
    text = Reader(write_report(folder).read_text()).text
    assert "15.jpg" in text
    assert "25.jpg" in text
    assert " 5.jpg" not in text


def test_a_scene_that_stands_still_has_no_such_table(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=2)
    write_scores(folder, score_run(folder, None))
    assert "Static pixels" not in write_report(folder).read_text()
