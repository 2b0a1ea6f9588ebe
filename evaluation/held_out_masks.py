"""Masks of what moves in the held-out views of a run on a video: annotated ones, or predicted ones."""

from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from core.errors import UserError
from core.files import make_folder, read_json
from core.folders import atomic_folder
from core.images import write_png
from core.run_folder import RunFolder
from evaluation.ground_truth import PredictedVideo, match_masks, nearest, read_mask
from evaluation.static_scores import MaskedView, MaskedViews, masks_folder, write_masked_views
from scene.cameras_json import read_cameras_json
from scene.datasets.prediction import Window
from scene.images import read_header
from scene.prediction_layout import find_layout


def predicted_video(folder: RunFolder) -> PredictedVideo | None:
    """The prediction that a run was trained on; None where it was trained on something else.

    Raises:
        UserError: a file is broken, or the run is one on a video and its prediction is gone.
    """
    identity = read_json(folder.config) if folder.config.exists() else {}
    if not isinstance(identity, dict) or "source_path" not in identity:
        return None
    source = folder.source(identity)
    if find_layout(source) is not None:
        return PredictedVideo.open(source)
    if identity.get("method") == "dynamic":
        raise UserError(
            f"{folder.path} was trained on the prediction in {source}, which is gone; nothing else says what "
            f"moves, so put it back there, or to {folder.prediction}"
        )
    return None


def write_held_out_masks(folder: RunFolder, iteration: int, annotation: Path | None) -> MaskedViews | None:
    """Write the masks of the held-out views, in place of those that are there.

    Args:
        folder: of the run.
        iteration: which has been rendered.
        annotation: folder with a mask for each frame; None for the predicted masks.

    Returns:
        What was written; None for a run on something else than a video.

    Raises:
        UserError: a file is missing, broken, or cannot be written.
    """
    video = predicted_video(folder)
    if video is None:
        return None
    annotation = None if annotation is None else annotation.absolute()
    views = _held_out(folder, iteration, video)
    annotated = None if annotation is None else match_masks(annotation, video.original_names)
    photographs = folder.images("test", iteration, "gt")
    with atomic_folder(masks_folder(folder, iteration)) as written:
        for view in views:
            header = read_header(photographs / view.file)
            if annotated is None:
                mask = _predicted(video, view.frame, header.width, header.height)
            elif view.frame in annotated:
                label = read_mask(annotated[view.frame])
                mask = nearest(label, (0.0, 0.0, 1.0, 1.0), (1, 1), header.width, header.height)
            else:
                continue
            write_png(written / view.file, mask.to(torch.uint8).mul(255).numpy())
    found = MaskedViews("predicted" if annotated is None else "annotation", annotation, tuple(views))
    write_masked_views(folder, iteration, found)
    return found


def _held_out(folder: RunFolder, iteration: int, video: PredictedVideo) -> list[MaskedView]:
    """The held-out views: cameras.json has them first, in the order of their images."""
    photographs = folder.images("test", iteration, "gt")
    files = sorted(path.name for path in make_folder(photographs).glob("*.png"))
    names = read_cameras_json(folder.cameras)[1][: len(files)] if files else ()
    row_of = {Path(name).stem: row for row, name in enumerate(video.stored.frame_names)}
    views = []
    for file, name in zip(files, names, strict=True):
        if Path(name).stem not in row_of:
            raise UserError(
                f"{folder.cameras} names {name}, which is no frame of {video.stored.layout.folder}; "
                "restore the prediction or train anew"
            )
        views.append(MaskedView(file, row_of[Path(name).stem], name))
    return views


def _predicted(video: PredictedVideo, row: int, width: int, height: int) -> Bool[Tensor, "H W"]:
    """A predicted mask at the size of an image; beyond what the predictor saw, as at the edge of that."""
    stored = video.stored
    frame = read_header(stored.frames[row])
    window = Window(stored.crop, (frame.width, frame.height), width, height)
    spread = window.spread(stored.mask(row).float().numpy())
    return torch.from_numpy(spread >= 0.5)
