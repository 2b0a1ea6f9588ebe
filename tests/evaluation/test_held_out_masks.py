"""Masks of held-out views: annotated or predicted ones, at the size of the photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import UserError
from core.files import write_json
from core.images import read_gray, read_image, write_png
from core.run_folder import RunFolder
from evaluation.held_out_masks import predicted_video, write_held_out_masks
from evaluation.static_scores import MaskedView, masks_folder, read_masked_views
from tests.evaluation.conftest import annotation_of, make_run, make_video_run


def test_annotated_masks_are_those_of_the_held_out_frames(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path, held_out=(5, 9))
    views = write_held_out_masks(folder, 30, tmp_path / "truth" / "dog")
    assert views is not None
    assert (views.origin, views.folder) == ("annotation", tmp_path / "truth" / "dog")
    assert views.views == (MaskedView("00000.png", 5, "00005.png"), MaskedView("00001.png", 9, "00009.png"))
    assert read_masked_views(folder, 30) == views
    for view in views.views:
        mask = read_gray(masks_folder(folder, 30) / view.file)
        np.testing.assert_array_equal(mask, (annotation_of(view.frame) > 0) * 255)


def test_predicted_masks_are_laid_where_the_predictor_looked(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    views = write_held_out_masks(folder, 30, None)
    assert views is not None
    assert (views.origin, views.folder) == ("predicted", None)
    mask = read_gray(masks_folder(folder, 30) / "00000.png") > 0
    np.testing.assert_array_equal(mask, annotation_of(5) > 0)


def test_views_of_another_size_than_the_frames(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    photograph = folder.images("test", 30, "gt") / "00000.png"
    write_png(photograph, cv2.resize(read_image(photograph), (24, 16)))
    for annotation in (None, tmp_path / "truth" / "dog"):
        write_held_out_masks(folder, 30, annotation)
        mask = read_gray(masks_folder(folder, 30) / "00000.png") > 0
        np.testing.assert_array_equal(mask, annotation_of(5)[::2, ::2] > 0)


def test_masks_of_an_earlier_scoring_are_not_used(tmp_path: Path) -> None:
    folder, annotation = make_video_run(tmp_path), tmp_path / "truth" / "dog"
    mask = masks_folder(folder, 30) / "00000.png"
    for asked, origin in ((annotation, "annotation"), (None, "predicted"), (None, "predicted")):
        views = write_held_out_masks(folder, 30, asked)
        assert views is not None
        assert views.origin == origin
        assert read_masked_views(folder, 30) == views
        np.testing.assert_array_equal(read_gray(mask) > 0, annotation_of(5) > 0)
        write_png(mask, np.zeros((32, 48), np.uint8))


def test_a_run_that_was_moved_finds_its_prediction(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path / "before")
    moved = RunFolder(folder.path.rename(tmp_path / "after"))
    views = write_held_out_masks(moved, 30, None)
    assert views is not None
    assert views.origin == "predicted"
    moved.prediction.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"which is gone; .* put it back there, or to .*after.prediction"):
        write_held_out_masks(moved, 30, None)


def test_a_frame_without_annotation_gets_no_mask(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path, held_out=(5, 11))
    (tmp_path / "truth" / "dog" / "00011.png").unlink()
    views = write_held_out_masks(folder, 30, tmp_path / "truth" / "dog")
    assert views is not None
    assert len(views.views) == 2
    assert [path.name for path in masks_folder(folder, 30).iterdir()] == ["00000.png"]


def test_a_run_on_something_else_has_none(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=1)
    assert write_held_out_masks(folder, 30, None) is None
    assert predicted_video(folder) is None
    write_json(folder.config, {"source_path": str(tmp_path)})
    assert predicted_video(folder) is None


def test_views_that_are_no_frames_are_told(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    folder.cameras.write_text(folder.cameras.read_text().replace("00005.png", "other.png"))
    with pytest.raises(UserError, match=r"names other\.png, which is no frame of"):
        write_held_out_masks(folder, 30, None)
