"""A video's report shows frames of its videos, and says what the prediction and its scores say."""

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.files import read_json, write_json
from core.images import write_png
from core.run_folder import RunFolder
from core.tum import write_tum
from core.video import video_writer
from evaluation.ground_truth import GroundTruth
from evaluation.report import write_report
from evaluation.report.video_facts import gather_video
from evaluation.runs import score_runs
from evaluation.sequences import read_sequence
from scene.prediction_layout import PREDICTION_FILE
from scene.prediction_reading import open_prediction
from tests.evaluation.conftest import make_run, make_video_run

FRAMES = 12


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A finished run on a video, its triptychs as gray as their frame's place says."""
    folder = make_video_run(tmp_path)
    for path in folder.showreel:
        with video_writer(path, 24) as video:
            for row in range(FRAMES):
                video.write(np.full((32, 144, 3), 20 * row, np.uint8))
    write_png(folder.camera_plot, np.full((20, 60, 3), 255, np.uint8))
    folder.point_cloud(30).parent.mkdir(parents=True)
    folder.point_cloud(30).touch()
    return folder


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', page)
    decoded = (cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1) for data in found)
    return [image for image in decoded if image is not None]


def test_a_run_that_was_only_trained_shows_its_frames_and_where_its_videos_are(folder: RunFolder) -> None:
    page = write_report(folder).read_text("utf-8")
    *frames, plot = pictures(page)
    assert [frame.shape for frame in frames] == 3 * [(32, 144, 3)]
    assert [round(frame.mean() / 20) for frame in frames] == [2, 6, 10]
    assert plot.shape == (20, 60, 3)
    for row in (2, 6, 10):
        assert f"{row:05d}.png" in page
    links = re.findall(r'href="([^"]+)"', page)
    assert links == [*(path.name for path in folder.showreel), "point_cloud/iteration_30/point_cloud.ply"]
    assert all((folder.path / link).exists() for link in links)


def test_it_says_what_the_run_took(folder: RunFolder) -> None:
    write_json(folder.path / "stages" / "predict.json", {"seconds": 61.0, "peak_memory_bytes": 3 * 2**29})
    page = write_report(folder).read_text("utf-8")
    assert "<dt>Prediction time</dt><dd>1 min 1 s</dd>" in page
    assert "<dt>Peak memory</dt><dd>1.5<small>GiB</small></dd>" in page


def test_it_says_how_sure_the_cameras_are(folder: RunFolder) -> None:
    file = folder.prediction / PREDICTION_FILE
    stored = read_json(file)
    stored["assurance"] = {
        "level": "low", "camera_motion": "rotation", "sentences": ["it <turns>"],
        "numbers": {"reprojection_error_px": 0.25},
    }  # fmt: skip
    write_json(file, stored)
    page = write_report(folder).read_text("utf-8")
    for told in (
        "11 rest on measurements", "12, looked at in 20x16", "<dd>low</dd>", "it &lt;turns&gt;",
        "reprojection error px", "0.25", "turns, and does not leave its place",
    ):  # fmt: skip
        assert told in page
    assert "Against the truth" not in page


def test_scores_of_the_prediction_are_told_once_there_are_any(folder: RunFolder, tmp_path: Path) -> None:
    c2w = open_prediction(folder.prediction).cameras.c2w.double()
    write_tum(tmp_path / "truth" / "dog.txt", [float(row) for row in range(FRAMES)], c2w)
    for row in range(FRAMES):
        depths = tmp_path / "depths" / f"{row:05d}.npy"
        depths.parent.mkdir(exist_ok=True)
        np.save(depths, np.full((32, 48), 2.0, np.float32))
    truth = GroundTruth(tmp_path / "truth", tmp_path / "truth" / "dog.txt", tmp_path / "depths")
    score_runs([folder], None, truth)
    page = folder.report.read_text("utf-8")
    for told in ("J 1.000 · F 1.000", "of 12 frames", "RPE", "AbsRel 0.000 · δ &lt; 1.25 100.0%"):
        assert told in page
    video = gather_video(folder)
    assert video is not None
    assert video.scores == read_sequence(folder)


def test_what_is_no_video_has_no_such_sections(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=1)
    assert gather_video(folder) is None
    page = write_report(folder).read_text("utf-8")
    assert "The static scene" not in page
    assert "Cameras" not in page


def test_without_videos_the_cameras_are_told(tmp_path: Path) -> None:
    page = write_report(make_video_run(tmp_path)).read_text("utf-8")
    assert "The static scene" not in page
    assert "rest on measurements" in page
