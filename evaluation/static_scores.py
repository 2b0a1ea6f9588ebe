"""Scores of what stands still: how well a static scene explains the static pixels of a moving video.

What is scored lies in the folder of a run. Rendering writes it, `evaluation.scoring` reads it:

    RUN/test/ours_N/renders/%05d.png        held-out views. Their poses were predicted, and have been carried
                                            along as far as the training moved those of their neighbours
    RUN/test/ours_N/gt/%05d.png             their photographs, of the same size
    RUN/test/ours_N/dynamic_masks/%05d.png  8 bits, 255 = something moves, 0 = static; of the same size. A
                                            view without a file is not scored: Sintel's last frame, say
    RUN/test/ours_N/dynamic_masks.json      `MaskedViews`, written last: the sign that the run is dynamic
    RUN/test_predicted/ours_N/renders/      optional: the same views, from exactly the poses that the
                                            predictor gave them, as in DAS3R; same names, photographs, masks
    RUN/test_composite/ours_N/renders/      optional: those of test/, with what moves put back from the frames
                                            around, along the optical flow
    RUN/test_refined/ours_N/renders/        optional: likewise, after their poses were refined with the
                                            Gaussians frozen
    RUN/prediction/                         `scene.prediction_files`: frames, masks, trajectory
    RUN/scores.json                         written by `metrics.py`: everything that is known of the sequence

Four scores of a view, none of which depends on what is rendered on moving pixels:

- PSNR over the static pixels;
- SSIM: the map of the two images, averaged over the pixels whose 11x11 window holds static pixels only. Where
  there is no such window: over all static pixels, with the photograph's content on the moving ones;
- LPIPS after the moving pixels of the rendering have been replaced by those of the photograph;
- the legacy PSNR and L1 of DAS3R: moving pixels of both are black, and the means go over all pixels, black
  ones included; PSNR is the mean over channels. With a static share p that is 10 log10(1/p) dB more than the
  PSNR over static pixels.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core import losses
from core.files import read_json, write_json
from core.run_folder import RunFolder
from core.serialization import config_from_json, config_to_json
from evaluation.image_metrics import BEST_PSNR, Scores
from evaluation.lpips import Lpips

MaskOrigin = Literal["annotation", "predicted"]


@dataclass(frozen=True)
class MaskedView:
    """A held-out view of a video.

    Args:
        file: the name of its images, such as 00000.png.
        frame: which frame of the prediction it is, counted from 0.
        name: of that frame.
    """

    file: str
    frame: int
    name: str


@dataclass(frozen=True)
class MaskedViews:
    """What `dynamic_masks.json` holds.

    Args:
        origin: where the masks come from.
        folder: of the annotation, absolute; None for predicted masks.
        views: all held-out views, in their order.
    """

    origin: MaskOrigin
    folder: Path | None
    views: tuple[MaskedView, ...]


def masks_folder(folder: RunFolder, iteration: int) -> Path:
    """Where the masks of the held-out views are."""
    return folder.images("test", iteration, "renders").with_name("dynamic_masks")


def write_masked_views(folder: RunFolder, iteration: int, views: MaskedViews) -> None:
    """Write `dynamic_masks.json`, after the masks.

    Raises:
        UserError: the file cannot be written.
    """
    write_json(masks_folder(folder, iteration).with_suffix(".json"), config_to_json(views))


def read_masked_views(folder: RunFolder, iteration: int) -> MaskedViews | None:
    """What `dynamic_masks.json` holds; None where there is none, as in a run on a scene that stands still.

    Raises:
        UserError: the file is broken.
    """
    path = masks_folder(folder, iteration).with_suffix(".json")
    return config_from_json(MaskedViews, read_json(path), f"{path}: ") if path.exists() else None


def score_static(
    image: UInt8[Tensor, "H W 3"],
    target: UInt8[Tensor, "H W 3"],
    moving: Bool[Tensor, "H W"],
    lpips: Lpips | None,
) -> Scores | None:
    """Scores of the static pixels of one image.

    Args:
        image: the rendering.
        target: the photograph.
        moving: True where something moves.
        lpips: the metric with its weights, or None to do without.

    Returns:
        The scores; None where no pixel is static.
    """
    static = ~moving
    if not static.any():
        return None
    truth = target.double() / 255
    ours = torch.where(moving[..., None], truth, image.double() / 255)
    distance = None
    if lpips is not None and min(image.shape[:2]) >= lpips.smallest_side:
        distance = lpips(ours.float(), truth.float())
    legacy_psnr, legacy_l1 = legacy_scores(ours, truth, static)
    return Scores(
        psnr=min(losses.psnr(ours[None, static], truth[None, static]), BEST_PSNR),
        ssim=_static_ssim(ours, truth, static),
        lpips=distance,
        static=float(static.double().mean()),
        legacy_psnr=legacy_psnr,
        legacy_l1=legacy_l1,
    )


def legacy_scores(
    image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"], static: Bool[Tensor, "H W"]
) -> tuple[float, float]:
    """(PSNR in dB, L1) as DAS3R's tables have them: means over all pixels, moving ones black in both images.

    Args:
        image: in [0, 1].
        target: in [0, 1].
        static: where nothing moves.
    """
    difference = (image - target) * static[..., None]
    of_channels = difference.square().mean((0, 1)).tolist()
    psnr = [BEST_PSNR if error == 0 else min(-10 * math.log10(error), BEST_PSNR) for error in of_channels]
    return sum(psnr) / len(psnr), float(difference.abs().mean())


def _static_ssim(
    image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"], static: Bool[Tensor, "H W"]
) -> float:
    similarity = losses.ssim_map(image.permute(2, 0, 1), target.permute(2, 0, 1)).mean(0)
    window = np.ones((losses.WINDOW_SIZE, losses.WINDOW_SIZE), np.uint8)
    moves_near = cv2.dilate((~static).numpy().astype(np.uint8), window)
    clear = torch.from_numpy(moves_near == 0)
    return float(similarity[clear if bool(clear.any()) else static].mean())
