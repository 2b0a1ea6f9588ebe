"""Predictions on the disk: ours are written and read, published ones of DAS3R are read.

Cameras, depths and probabilities keep the predictor's working size; `sparse/0` has the cameras at the size of
the frames. `scene.prediction_layout` says which file holds what.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from core.arrays import write_array
from core.files import write_json, write_text
from core.folders import remove
from core.images import write_png
from scene.cameras import Cameras
from scene.colmap_text import write_colmap_text, wxyz_of
from scene.prediction import Prediction
from scene.prediction_layout import (
    CONFIDENCES,
    DEPTHS,
    FOCALS,
    INTRINSICS,
    MASKS,
    MODEL,
    PREDICTION_FILE,
    PROBABILITIES,
    TRAJECTORY,
    TUM_TRAJECTORY,
    PredictionLayout,
)  # fmt: skip
from scene.prediction_reading import full_size_cameras, open_prediction
from scene.splits import PARTITION_FILE
from scene.stored_frames import FACTS_FILE, FrameFacts

_WRITTEN = (
    PREDICTION_FILE,
    MASKS,
    PROBABILITIES,
    DEPTHS,
    CONFIDENCES,
    "sparse",
    TRAJECTORY,
    TUM_TRAJECTORY,
    INTRINSICS,
    FOCALS,
)


def input_files(layout: PredictionLayout) -> list[Path]:
    """The files that say what a prediction is; others that lie in its folder are none of its business.

    Raises:
        UserError: there are no frames.
    """
    frames = layout.frames()
    maps = (layout.mask, layout.probability, layout.depth, layout.confidence)
    model = layout.folder / MODEL
    names = (FACTS_FILE, PREDICTION_FILE, TRAJECTORY, INTRINSICS, PARTITION_FILE)
    described = (
        *(layout.folder / name for name in names),
        *(model / f"{stem}.txt" for stem in ("cameras", "images", "points3D")),
    )
    files = [*described, *frames, *(place(index) for place in maps for index in range(len(frames)))]
    return [file for file in files if file.is_file()]


def write_prediction(folder: Path, prediction: Prediction, facts: FrameFacts) -> None:
    """Write a prediction beside its frames; `prediction.json` comes last and says that all is there.

    Args:
        folder: that holds the frames in `images/`.
        prediction: of these frames.
        facts: of the frames.

    Raises:
        UserError: a file cannot be written.
    """
    remove_prediction(folder)
    layout = PredictionLayout(folder)
    for index in range(len(prediction.frame_names)):
        write_png(layout.mask(index), prediction.dynamic_masks[index].to(torch.uint8).mul(255).numpy())
        write_array(layout.probability(index), prediction.dynamic_probabilities[index].float())
        write_array(layout.depth(index), prediction.depths[index].float())
        write_array(layout.confidence(index), prediction.confidences[index].float().log())
    _write_trajectories(folder, prediction.cameras, facts.times_s)
    full = full_size_cameras(prediction.cameras, prediction.crop, facts.width, facts.height)
    write_colmap_text(folder / MODEL, full, prediction.frame_names, prediction.points)
    assurance = prediction.assurance
    write_json(
        folder / PREDICTION_FILE,
        {
            "predictor": prediction.predictor,
            "source": facts.source,
            "shot": facts.shot,
            "frame_names": prediction.frame_names,
            "working_size": prediction.cameras.size,
            "crop": prediction.crop,
            "registered": prediction.registered.tolist(),
            "assurance": {
                "level": assurance.level,
                "camera_motion": assurance.camera_motion,
                "sentences": assurance.sentences,
                "numbers": assurance.numbers,
            },
        },
    )


def remove_prediction(folder: Path) -> None:
    """Remove what `write_prediction` wrote; the frames stay.

    Raises:
        UserError: a file cannot be removed.
    """
    for name in _WRITTEN:
        remove(folder / name)


def read_prediction(folder: Path) -> Prediction:
    """Read a prediction: ours, or one of DAS3R's, as its first stage leaves it or rearranged.

    Raises:
        UserError: the folder holds no prediction, or a file of it is missing or broken.
    """
    stored = open_prediction(folder)
    rows = range(len(stored.frame_names))
    return Prediction(
        predictor=stored.predictor,
        frame_names=stored.frame_names,
        cameras=stored.cameras,
        dynamic_probabilities=torch.stack([stored.probability(row) for row in rows]),
        dynamic_masks=torch.stack([stored.mask(row) for row in rows]),
        depths=torch.stack([stored.depth(row) for row in rows]),
        confidences=torch.stack([stored.confidence(row) for row in rows]),
        registered=stored.registered,
        crop=stored.crop,
        assurance=stored.assurance,
        points=stored.points(),
    )


def _write_trajectories(folder: Path, cameras: Cameras, times_s: Sequence[float]) -> None:
    """Poses in DAS3R's own order, which its tools expect, and in the order that TUM's tools expect."""
    c2w = cameras.c2w.double().cpu().numpy()
    wxyz = wxyz_of(c2w[:, :3, :3]).tolist()
    centers = c2w[:, :3, 3].tolist()
    rows = list(zip(centers, wxyz, strict=True))
    _write_rows(folder / TRAJECTORY, ((float(index), *xyz, *quat) for index, (xyz, quat) in enumerate(rows)))
    timed = zip(times_s, rows, strict=True)
    tum = ((time_s, *xyz, *quat[1:], quat[0]) for time_s, (xyz, quat) in timed)
    _write_rows(folder / TUM_TRAJECTORY, tum, "# timestamp tx ty tz qx qy qz qw\n")
    _write_rows(folder / INTRINSICS, cameras.Ks.double().flatten(1).tolist())
    _write_rows(folder / FOCALS, cameras.Ks[:, 0, :1].double().tolist())


def _write_rows(path: Path, rows: Iterable[Sequence[float]], head: str = "") -> None:
    write_text(path, head + "".join(" ".join(map(str, row)) + "\n" for row in rows))
