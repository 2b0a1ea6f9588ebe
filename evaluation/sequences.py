"""Everything that is known of how well a run on a video turned out: `scores.json` in its folder."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from core.errors import UserError
from core.files import read_json, write_json
from core.images import read_gray, read_image
from core.run_folder import RunFolder
from core.serialization import config_from_json, config_to_json
from evaluation import image_metrics
from evaluation.depth_metrics import DepthErrors, depth_errors
from evaluation.flow_interpolation import interpolate
from evaluation.ground_truth import (
    GroundTruth,
    PredictedVideo,
    match_masks,
    match_trajectory,
    nearest,
    read_mask,
    true_depths,
)
from evaluation.held_out_masks import predicted_video
from evaluation.image_metrics import Scores
from evaluation.lpips import Lpips
from evaluation.run_cost import RunCost, read_cost
from evaluation.scoring import HELD_OUT, MethodScores
from evaluation.segmentation import MaskScores, score_masks
from evaluation.static_scores import MaskedViews, MaskOrigin, masks_folder, read_masked_views, score_static
from evaluation.tables import count_gaussians
from evaluation.trajectories import TrajectoryErrors, trajectory_errors
from scene.images import read_header

SCORES_FILE = "scores.json"


@dataclass(frozen=True)
class SequenceScores:
    """A sequence, scored.

    Args:
        sequence: its name: that of the run's folder.
        iteration: after how many steps the Gaussians were saved.
        size: width and height of the held-out views, in pixels.
        masks: where the masks of the held-out views come from; None without such views.
        carried: means over the held-out views, from their predicted poses, carried along as far as the
            training moved those of their neighbours.
        predicted: likewise, from exactly the poses that were predicted: DAS3R's protocol.
        composite: as carried, with what moves put back from the frames around.
        refined: from refined poses.
        flow_interpolation: likewise, of frames made from their neighbours without any 3D.
        segmentation: of the predicted masks against annotated ones, at the predictor's working size.
        trajectory: of the predicted cameras against measured ones.
        depth: of the predicted depths against measured ones, at the predictor's working size.
        predictor: who predicted.
        assurance: how sure it was of its cameras: high, medium or low.
        frames: how many there are.
        registered: how many cameras were found and not filled in.
        gaussians: in the end; None without a log.
        cost: time and memory.
        truth: what all was compared with; absolute paths.
        truth_digest: of the files of that.
        fingerprint: of the files that were scored.
    """

    sequence: str
    iteration: int
    size: tuple[int, int]
    masks: MaskOrigin | None
    carried: Scores | None
    predicted: Scores | None
    composite: Scores | None
    refined: Scores | None
    flow_interpolation: Scores | None
    segmentation: MaskScores | None
    trajectory: TrajectoryErrors | None
    depth: DepthErrors | None
    predictor: str
    assurance: str
    frames: int
    registered: int
    gaussians: int | None
    cost: RunCost
    truth: GroundTruth
    truth_digest: str
    fingerprint: str


def name_of(folder: RunFolder) -> str:
    """The sequence that a run is about."""
    return folder.path.resolve().name


def score_sequence(
    folder: RunFolder, methods: Sequence[MethodScores], lpips: Lpips | None, truth: GroundTruth
) -> SequenceScores | None:
    """Score what else there is to score of a run on a video, and put all together.

    Args:
        folder: of the run.
        methods: as `scoring.score_run` found them.
        lpips: the metric with its weights, or None to do without.
        truth: of this sequence.

    Returns:
        The scores; None for a run on something else than a video, or one of which no view was held out.

    Raises:
        UserError: a file is missing or broken, or the truth does not fit the frames.
    """
    video = predicted_video(folder)
    if video is None or not methods:
        return None
    iteration = methods[-1].iteration
    carried, predicted, composite, refined = (
        next((m.mean for m in methods if m.iteration == iteration and m.drawn == wanted), None)
        for wanted in HELD_OUT
    )
    views = read_masked_views(folder, iteration)
    header = read_header(folder.images("test", iteration, "gt") / next(iter(methods[-1].views)))
    return SequenceScores(
        sequence=name_of(folder),
        iteration=iteration,
        size=(header.width, header.height),
        masks=None if views is None else views.origin,
        carried=carried,
        predicted=predicted,
        composite=composite,
        refined=refined,
        flow_interpolation=None if views is None else _interpolated(folder, iteration, views, video, lpips),
        segmentation=None if truth.masks is None else score_masks(_mask_pairs(video, truth.masks)),
        trajectory=None if truth.trajectory is None else _trajectory(video, truth.trajectory),
        depth=None if truth.depths is None else _depth(video, truth.depths, truth.farthest),
        predictor=video.stored.predictor,
        assurance=video.stored.assurance.level,
        frames=len(video.stored.frame_names),
        registered=int(video.stored.registered.sum()),
        gaussians=count_gaussians(folder),
        cost=read_cost(folder),
        truth=truth,
        truth_digest=truth.digest,
        fingerprint=_fingerprint(folder, iteration, video),
    )


def write_sequence(folder: RunFolder, scores: SequenceScores) -> None:
    """Write `scores.json`.

    Raises:
        UserError: it cannot be written.
    """
    write_json(folder.path / SCORES_FILE, config_to_json(scores))


def stored_sequence(folder: RunFolder) -> SequenceScores | None:
    """What `write_sequence` wrote, whether or not it is out of date; None where there is nothing.

    Raises:
        UserError: the file is broken.
    """
    path = folder.path / SCORES_FILE
    return config_from_json(SequenceScores, read_json(path), f"{path}: ") if path.exists() else None


def read_sequence(folder: RunFolder, truth: GroundTruth | None = None) -> SequenceScores:
    """What `write_sequence` wrote, if it still describes what lies in the folder.

    Args:
        folder: of the run.
        truth: of one or more sequences; the scores must have been made with it. None where any will do: then
            the one that was used must be what it was, unless it is not at hand any more.

    Raises:
        UserError: there is no such file, it is broken, or what it describes has changed since.
    """
    path = folder.path / SCORES_FILE
    command = f"`python metrics.py -m {folder.path}`"
    scores = stored_sequence(folder)
    if scores is None:
        raise UserError(f"{path} is missing; {command} writes it for a run on a video with held-out views")
    if scores.iteration != max(folder.iterations(), default=scores.iteration):
        raise UserError(
            f"{path} is about iteration {scores.iteration}, which is not the last; render, then {command}"
        )
    if scores.fingerprint != _fingerprint(folder, scores.iteration, predicted_video(folder)):
        raise UserError(f"{path} describes other files than those in {folder.path} now; repeat {command}")
    truth = (scores.truth if scores.truth.is_there else None) if truth is None else truth.of(name_of(folder))
    if truth is not None and truth.digest != scores.truth_digest:
        raise UserError(
            f"{path} compares the run with other ground truth than there is now; repeat {command}, with "
            "--gt-masks and the like for what is known"
        )
    return scores


def _fingerprint(folder: RunFolder, iteration: int, video: PredictedVideo | None) -> str:
    """A digest of what the scores of an iteration are made from: configuration, images, prediction."""
    renders = folder.images("test", iteration, "renders")
    folders = (renders, folder.images("test", iteration, "gt"), masks_folder(folder, iteration))
    digest = hashlib.sha256(folder.config.read_bytes() if folder.config.exists() else b"")
    digest.update((video.digest if video is not None else "").encode())
    others = (folder.held_out_renders(iteration, drawn) for drawn in HELD_OUT[1:])
    for images in (*folders, *others):
        for path in sorted(images.glob("*.png")):
            digest.update(f"{images.parent.parent.name}/{images.name}/{path.name}".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _mask_pairs(video: PredictedVideo, annotation: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Predicted and annotated mask of each frame that is annotated."""
    stored = video.stored
    for row, path in match_masks(annotation, video.original_names).items():
        predicted = stored.mask(row)
        header = read_header(stored.frames[row])
        size = (header.width, header.height)
        annotated = nearest(read_mask(path), stored.crop, size, predicted.shape[1], predicted.shape[0])
        yield predicted.numpy(), annotated.numpy()


def _trajectory(video: PredictedVideo, path: Path) -> TrajectoryErrors:
    rows, truth = match_trajectory(path, video)
    return trajectory_errors(video.stored.cameras.c2w.double()[rows], truth)


def _depth(video: PredictedVideo, folder: Path, farthest: float) -> DepthErrors | None:
    """Errors after one scale and shift for all frames; the truth is looked up at the predictor's pixels."""
    stored, ours, true = video.stored, [], []
    for row, measured in true_depths(folder, video.original_names):
        predicted = stored.depth(row)
        header = read_header(stored.frames[row])
        size = (header.width, header.height)
        truth = nearest(measured, stored.crop, size, predicted.shape[1], predicted.shape[0])
        ours.append(torch.where(predicted > 0, predicted, torch.nan).flatten().numpy())
        true.append(truth.flatten().numpy())
    if not ours:
        return None
    return depth_errors(np.concatenate(ours), np.concatenate(true), farthest=farthest)


def _interpolated(
    folder: RunFolder, iteration: int, views: MaskedViews, video: PredictedVideo, lpips: Lpips | None
) -> Scores | None:
    """Scores of the held-out frames as their nearest neighbours that were not held out make them."""
    held_out = {view.frame for view in views.views}
    kept = [row for row in range(len(video.stored.frames)) if row not in held_out]
    found = []
    for view in views.views:
        mask = masks_folder(folder, iteration) / view.file
        if not mask.exists() or not kept:
            continue
        target = torch.from_numpy(read_image(folder.images("test", iteration, "gt") / view.file))
        before = max((row for row in kept if row < view.frame), default=kept[0])
        after = min((row for row in kept if row > view.frame), default=before)
        at = (view.frame - before) / (after - before) if after > before else 0.0
        size = (target.shape[1], target.shape[0])
        neighbours = [_frame(video.stored.frames[row], size) for row in (before, after)]
        image = interpolate(neighbours[0], neighbours[1], at)
        scores = score_static(image, target, torch.from_numpy(read_gray(mask) > 0), lpips)
        if scores is not None:
            found.append(scores)
    return image_metrics.mean(found) if found else None


def _frame(path: Path, size: tuple[int, int]) -> UInt8[Tensor, "H W 3"]:
    """A frame at the size (width, height) of the views."""
    image = Image.fromarray(read_image(path))
    return torch.from_numpy(
        np.array(image if image.size == size else image.resize(size, Image.Resampling.LANCZOS))
    )
