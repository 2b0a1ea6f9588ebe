"""All that is known of a sequence: put together, written, read again, and refused once it is out of date."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import write_json
from core.images import read_image, write_png
from core.run_folder import RunFolder
from core.tum import write_tum
from evaluation.flow_interpolation import interpolate
from evaluation.ground_truth import GroundTruth, PredictedVideo
from evaluation.held_out_masks import write_held_out_masks
from evaluation.scoring import HELD_OUT, score_run
from evaluation.sequences import SequenceScores, read_sequence, score_sequence, write_sequence
from evaluation.static_scores import score_static
from tests.evaluation.conftest import annotation_of, make_run, make_video_run


def score(folder: RunFolder, truth: GroundTruth | None = None) -> SequenceScores:
    truth = (truth or GroundTruth()).of("dog")
    write_held_out_masks(folder, 30, truth.masks)
    scores = score_sequence(folder, score_run(folder, None), None, truth)
    assert scores is not None
    write_sequence(folder, scores)
    return scores


def test_everything_is_put_together(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    c2w = PredictedVideo.open(folder.prediction).stored.cameras.c2w.double()
    write_tum(tmp_path / "truth" / "dog.txt", [float(row) for row in range(12)], c2w)
    scores = score(folder, GroundTruth(tmp_path / "truth", tmp_path / "truth" / "dog.txt"))
    assert (scores.sequence, scores.iteration, scores.masks) == ("dog", 30, "annotation")
    assert (scores.predictor, scores.assurance, scores.frames, scores.registered) == (
        "classical",
        "high",
        12,
        11,
    )
    assert (scores.gaussians, scores.cost.training_seconds, scores.refined) == (None, 90.0, None)
    assert scores.segmentation is not None
    assert (scores.segmentation.region, scores.segmentation.boundary) == (1, 1), "the crop is heeded"
    assert scores.segmentation.frames == 12
    assert scores.trajectory is not None
    assert scores.trajectory.ate == pytest.approx(0, abs=1e-6)
    assert scores.carried is not None
    assert scores.carried.static == 1 - 64 / (48 * 32)
    assert scores.size == (48, 32)
    assert scores.truth == GroundTruth(tmp_path / "truth" / "dog", tmp_path / "truth" / "dog.txt")
    assert read_sequence(folder) == scores


def test_flow_interpolation_makes_the_frame_from_its_neighbours(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    before, target, after = (
        torch.from_numpy(read_image(folder.prediction / "images" / f"{row:05d}.png")) for row in (4, 5, 6)
    )
    moving = torch.from_numpy(annotation_of(5) > 0)
    expected = score_static(interpolate(before, after), target, moving, None)
    assert score(folder).flow_interpolation == expected


def test_at_the_ends_the_only_neighbour_serves(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path, held_out=(11,))
    neighbour, target = (
        torch.from_numpy(read_image(folder.prediction / "images" / f"{row:05d}.png")) for row in (10, 11)
    )
    moving = torch.from_numpy(annotation_of(11) > 0)
    assert score(folder).flow_interpolation == score_static(neighbour, target, moving, None)


def test_other_drawings_stand_beside_those_from_poses_carried_along(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    shutil.copytree(folder.images("test", 30, "renders"), folder.held_out_renders(30, "predicted"))
    for drawn in HELD_OUT[2:]:
        shutil.copytree(folder.images("test", 30, "gt"), folder.held_out_renders(30, drawn))
    scores = score(folder)
    assert scores.refined is not None
    assert scores.carried is not None
    assert scores.refined.psnr > scores.carried.psnr
    assert scores.composite == scores.refined, "both are the photographs here"
    assert scores.predicted == scores.carried, "as the cameras did not move here"
    assert read_sequence(folder) == scores


def test_scores_that_are_out_of_date_are_refused(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    with pytest.raises(UserError, match=r"scores\.json is missing; `python metrics\.py -m .*dog` writes it"):
        read_sequence(folder)
    scores = score(folder)
    render = folder.images("test", 30, "renders") / "00000.png"
    original = render.read_bytes()
    write_png(render, np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(UserError, match="describes other files"):
        read_sequence(folder)
    render.write_bytes(original)
    mask = folder.prediction / "dynamic_masks" / "dynamic_mask_0007.png"
    predicted = mask.read_bytes()
    write_png(mask, np.zeros((16, 20), np.uint8))
    with pytest.raises(UserError, match="describes other files"):
        read_sequence(folder)
    mask.write_bytes(predicted)
    assert read_sequence(folder) == scores, "it is the content that counts, not the time"
    folder.point_cloud(40).parent.mkdir(parents=True)
    folder.point_cloud(40).touch()
    with pytest.raises(UserError, match="is about iteration 30, which is not the last"):
        read_sequence(folder)
    shutil.rmtree(folder.path / "point_cloud")
    write_json(folder.config, {"source_path": str(folder.prediction), "config": {"seed": 1}})
    with pytest.raises(UserError, match="describes other files"):
        read_sequence(folder)
    (folder.path / "scores.json").write_text('{"sequence": "dog"}')
    with pytest.raises(UserError, match=r"scores\.json: iteration is missing|the key .*iteration is missing"):
        read_sequence(folder)


def test_what_is_no_video_or_holds_nothing_out_has_no_such_scores(tmp_path: Path) -> None:
    still = make_run(tmp_path / "still", views=1)
    assert score_sequence(still, score_run(still, None), None, GroundTruth()) is None
    all_train = make_video_run(tmp_path, held_out=())
    for kind in ("renders", "gt"):
        all_train.images("test", 30, kind).mkdir(parents=True)
    assert score_sequence(all_train, score_run(all_train, None), None, GroundTruth()) is None


def test_everything_survives_the_disk(tmp_path: Path) -> None:
    folder = make_video_run(tmp_path)
    scores = score(folder, GroundTruth(masks=tmp_path / "truth"))
    bare = dataclasses.replace(scores, carried=None, flow_interpolation=None, segmentation=None, masks=None)
    write_sequence(folder, bare)
    assert read_sequence(folder) == bare


def test_depth_is_compared_where_the_predictor_looked(tmp_path: Path) -> None:
    """The prediction is flat; the truth is 2, but for a part beyond the crop and for one too far away."""
    folder = make_video_run(tmp_path)
    for row in range(12):
        depth = np.full((32, 48), 2.0, np.float32)
        depth[:, :4], depth[:, 40:] = 1.0, 100.0
        (tmp_path / "depths" / "dog").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "depths" / "dog" / f"{row:05d}.npy", depth)
    scores = score(folder, GroundTruth(depths=tmp_path / "depths"))
    assert scores.depth is not None
    assert scores.depth.abs_rel == pytest.approx(0)
    assert (scores.depth.pixels, scores.depth.coverage) == (12 * 16 * 18, 1)
    assert read_sequence(folder) == scores
    np.save(tmp_path / "depths" / "dog" / "00003.npy", np.zeros(3))
    with pytest.raises(UserError, match=r"00003\.npy holds float64\[3\]"):
        score(folder, GroundTruth(depths=tmp_path / "depths"))
