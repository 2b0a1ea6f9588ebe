"""render.py and metrics.py as their user meets them, after a tiny training: files and sentences."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import metrics
import render
import train
from tests.training.captures import tiny_capture, write_capture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder under a path with a blank and an umlaut."""
    folder = tmp_path_factory.mktemp("ein lauf mit ümlaut")
    source = write_capture(folder / "source", tiny_capture(views=9))
    assert (
        train.main(["-s", str(source), "-m", str(folder / "run"), "--preset", "static-tiny", "--eval"]) == 0
    )
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbered(count: int) -> list[str]:
    return [f"{row:05d}.png" for row in range(count)]


def test_from_trained_to_report(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["-m", str(run)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(run / views / "ours_60") for views in ("train", "test")
    ]
    for views, count in (("train", 7), ("test", 2)):
        for kind in ("renders", "gt"):
            assert names(run / views / "ours_60" / kind) == numbered(count)
    assert names(run / "test" / "ours_60" / "depth") == numbered(2)
    assert metrics.main(["--model_paths", str(run)]) == 0
    table = capsys.readouterr().out.splitlines()
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert f"{results['ours_60']['PSNR']:.3f}" in table[2]
    assert len(json.loads((run / "per_view.json").read_text(encoding="utf-8"))["ours_60"]["PSNR"]) == 2
    assert "000.png" in (run / "report.html").read_text(encoding="utf-8")


def test_scores_agree_with_those_of_the_training(run: Path) -> None:
    """Up to the rounding to 8 bits."""
    assert render.main(["-m", str(run), "--skip_train"]) == 0
    assert not (run / "train").exists()
    assert metrics.main(["-m", str(run)]) == 0
    score = json.loads((run / "results.json").read_text(encoding="utf-8"))["ours_60"]
    last = json.loads((run / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert score["PSNR"] == pytest.approx(last["test_psnr"], abs=0.05)
    assert score["SSIM"] == pytest.approx(last["test_ssim"], abs=2e-3)


def test_several_runs_are_one_table(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["-m", str(run), "--skip-train"]) == 0
    twin = shutil.copytree(run, tmp_path / "twin")
    capsys.readouterr()
    assert metrics.main(["-m", str(run), str(twin)]) == 0
    table = capsys.readouterr().out
    assert [name in table for name in (str(run), str(twin), "mean")] == [True] * 3
    assert (Path(twin) / "report.html").exists()


@pytest.mark.parametrize("path", ["orbit", "spline", "spiral"])
def test_a_new_path_is_images_and_a_video(run: Path, path: str) -> None:
    assert render.main(["-m", str(run), "--path", path, "--frames", "4", "--fps", "10", "--depth"]) == 0
    assert names(run / path / "ours_60") == [
        "depth",
        "depth.mp4",
        "depth_16bit",
        "depth_alpha",
        "renders",
        "renders.mp4",
    ]
    assert names(run / path / "ours_60" / "renders") == numbered(4)


def test_gaussians_of_any_origin(run: Path, tmp_path: Path) -> None:
    """The files of a run are also files of any origin."""
    ply = run / "point_cloud" / "iteration_60" / "point_cloud.ply"
    words = ["--ply", str(ply), "--cameras", str(run / "cameras.json"), "--out", str(tmp_path / "out ä")]
    assert render.main(words) == 0
    assert names(tmp_path / "out ä" / "renders") == numbered(9)
    assert render.main(["-m", str(run), "--skip-train"]) == 0
    held_out = (run / "test" / "ours_60" / "renders" / "00000.png").read_bytes()
    assert (
        tmp_path / "out ä" / "renders" / "00000.png"
    ).read_bytes() == held_out  # they come first in the file


def test_a_run_without_held_out_views_still_has_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_capture(tmp_path / "source", tiny_capture())
    words = ["-m", str(tmp_path / "run")]
    assert train.main(["-s", str(source), *words, "--preset", "static-tiny", "--iterations", "10"]) == 0
    assert render.main(words) == 0
    capsys.readouterr()
    assert metrics.main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[1:4] == ["-", "0", "-"]
    assert "No view was held out" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_mistakes_are_one_sentence_and_exit_code_2(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ply, cameras = run / "point_cloud" / "iteration_60" / "point_cloud.ply", run / "cameras.json"
    cut_off, broken, file = tmp_path / "cut.ply", tmp_path / "broken.json", tmp_path / "file"
    cut_off.write_bytes(ply.read_bytes()[:-1000])
    broken.write_text('[{"id": 0}]')
    file.touch()
    of_any = ["--ply", str(ply), "--cameras", str(cameras), "--out", str(tmp_path / "out")]
    cases: list[tuple[Callable[[list[str]], int], list[str], str]] = [
        (render.main, ["-m", str(tmp_path / "absent")], "absent"),
        (render.main, ["-m", str(tmp_path)], "is no run folder"),
        (render.main, ["-m", str(run), "--iteration", "7"], "has no iteration 7; saved are 60"),
        (render.main, ["-m", str(run), "--path", "loop"], "loop"),
        (render.main, ["-m", str(run), "--path", "orbit", "--frames", "0"], "--frames"),
        (render.main, ["-m", str(run), "--path", "orbit", "--frames", "2", "--fps", "0"], "--fps 0"),
        (render.main, ["-m", str(run), *of_any], "exclude each other"),
        (render.main, [], "either -m RUN, or --ply FILE"),
        (render.main, of_any[:4], "--out FOLDER"),
        (render.main, ["--ply", str(cut_off), *of_any[2:]], str(cut_off)),
        (render.main, ["--ply", str(tmp_path / "no.ply"), *of_any[2:]], "no.ply"),
        (render.main, [*of_any[:2], "--cameras", str(broken), *of_any[4:]], "entry 0 has no 'rotation'"),
        (render.main, [*of_any[:4], "--out", str(file)], str(file)),
        (metrics.main, ["-m", str(tmp_path)], "is no run folder"),
        (metrics.main, ["-m", str(run)], f"`python render.py -m {run}` makes them"),
        (metrics.main, ["-m", str(run), "--lpips", "squeeze"], "squeeze"),
    ]
    for main, words, told in cases:
        capsys.readouterr()
        assert main(words) == 2, words
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("error: ")
        assert told in last
    assert not (tmp_path / "out").exists()


def test_nothing_is_half_written_when_the_output_cannot_be(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render.main(["-m", str(run), "--skip-train"]) == 0
    (run / "results.json").mkdir()
    report = (run / "report.html").read_bytes()
    assert metrics.main(["-m", str(run)]) == 2
    assert "results.json: it is a folder" in capsys.readouterr().err
    assert (run / "report.html").read_bytes() == report
    assert not list(run.glob(".*part*"))


@pytest.mark.parametrize("command", ["render.py", "metrics.py"])
def test_help_of_the_programs(command: str) -> None:
    done = subprocess.run(
        [sys.executable, command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m" in done.stdout
    assert done.stderr == ""
