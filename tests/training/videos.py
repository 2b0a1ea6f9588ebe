"""A tiny video of a moving thing before coloured blobs, and what a perfect predictor would say of it."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from core.images import write_png
from core.video import video_writer
from gaussian_renderer import render
from scene import Cameras, PointCloud, Splats
from scene.frames import FrameOptions, open_frames, write_frames
from scene.prediction import Assurance, Prediction
from scene.prediction_files import write_prediction
from tests.training.captures import ring, truth

FRAMES, FPS = 8, 12


@dataclass(frozen=True)
class TinyVideo:
    """Frames, and what is true of them: 64 x 48 pixels."""

    images: list[np.ndarray]
    cameras: Cameras
    masks: torch.Tensor
    depths: torch.Tensor

    def prediction(self, names: tuple[str, ...], *, points: bool = False) -> Prediction:
        """The truth as a prediction; one pixel in a corner of each depth map is unknown."""
        confidences = torch.where(self.depths > 0, 2.0, 0.0)
        confidences[:, 0, 0] = 0
        random = torch.Generator().manual_seed(5)
        rgb = (255 * torch.rand(30, 3, generator=random)).to(torch.uint8)
        return Prediction(
            predictor="classical",
            frame_names=names,
            cameras=self.cameras,
            dynamic_probabilities=0.05 + 0.9 * self.masks.float(),
            dynamic_masks=self.masks,
            depths=self.depths,
            confidences=confidences,
            registered=torch.arange(len(names)) != 3,
            crop=(0.0, 0.0, 64.0, 48.0),
            assurance=Assurance("high", "general", ("by hand",), {"reprojection_px": 0.25}),
            points=PointCloud(torch.randn(30, 3, generator=random), rgb) if points else None,
        )


def tiny_video(count: int = FRAMES) -> TinyVideo:
    """Blobs and a backdrop from a moving camera; a green square runs across. Drawn once, yours to change."""
    return deepcopy(_drawn(count))


@cache
def _drawn(count: int) -> TinyVideo:
    around = ring(60)[list(range(count))]
    size = (torch.full((count,), side) for side in (64, 48))
    cameras = around.resized(*size)
    blobs = truth()
    random = torch.Generator().manual_seed(3)
    backdrop = torch.rand(400, 3, generator=random) * 2 - 1
    backdrop = 3.0 * torch.nn.functional.normalize(backdrop, dim=1)
    backdrop = backdrop[(backdrop @ cameras.centers[count // 2]) < 0]
    sh = torch.rand(len(backdrop), 1, 3, generator=random) - 0.2
    splats = Splats(
        means=torch.cat([blobs.means, backdrop]),
        quats=torch.cat([blobs.quats, torch.tensor([1.0, 0, 0, 0]).repeat(len(backdrop), 1)]),
        scales=torch.cat([blobs.scales, torch.full((len(backdrop), 3), 0.3)]),
        opacities=torch.cat([blobs.opacities, torch.full((len(backdrop),), 0.95)]),
        sh=torch.cat([blobs.sh, sh]),
    )
    with torch.no_grad():
        drawn = render(splats, cameras, depth=True, backend="reference")
    assert drawn.depths is not None
    images = [(image.clamp(0, 1) * 255).round().to(torch.uint8).numpy() for image in drawn.images]
    masks = torch.zeros(count, 48, 64, dtype=torch.bool)
    for row, image in enumerate(images):
        left = 4 + 6 * row
        masks[row, 20:34, left : left + 10] = True
        image[20:34, left : left + 10] = (30, 220, 40)
    depths = torch.where(drawn.alphas > 0.5, drawn.depths, 0)
    depths = torch.where(masks, 2.0, depths)
    return TinyVideo(images, cameras, masks, depths)


def write_images(folder: Path, video: TinyVideo) -> Path:
    """The frames as a bare folder; returns it."""
    for row, image in enumerate(video.images):
        write_png(folder / f"{row:05d}.png", image)
    return folder


def write_video(path: Path, video: TinyVideo) -> Path:
    """The frames as a video; returns its path."""
    with video_writer(path, FPS, quality=4) as writer:
        for image in video.images:
            writer.write(image)
    return path


def write_predicted(folder: Path, *, points: bool = False) -> Path:
    """The folder of a prediction of the tiny video; returns it."""
    video = tiny_video()
    frames = open_frames(write_images(folder.parent / f"{folder.name}-frames", video), FrameOptions())
    write_frames(frames, folder)
    write_prediction(folder, video.prediction(frames.facts.names, points=points), frames.facts)
    return folder
