"""Weight files of random numbers in the layout of the published ones, and run folders with rendered noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core.files import write_json
from core.images import read_image, write_png
from core.run_folder import RunFolder, ViewSet
from core.serialization import config_to_json
from evaluation.scoring import HELD_OUT
from evaluation.static_scores import MaskedView, MaskedViews, masks_folder, write_masked_views
from scene.cameras import Cameras
from scene.cameras_json import write_cameras_json
from scene.prediction import Assurance, Prediction
from scene.prediction_files import write_prediction
from scene.stored_frames import FACTS_FILE, FrameFacts

VGG = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256)}
VGG |= {17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512)}
ALEX = {0: (3, 64), 3: (64, 192), 6: (192, 384), 8: (384, 256), 10: (256, 256)}
ALEX_KERNELS = {0: 11, 3: 5, 6: 3, 8: 3, 10: 3}
CHANNELS = {"vgg": (64, 128, 256, 512, 512), "alex": (64, 192, 384, 256, 256)}


def random_weights(name: str, seed: int = 0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(linear, backbone) state dictionaries, keyed and shaped as published."""
    generator = torch.Generator().manual_seed(seed)
    linear = {
        f"lin{i}.model.1.weight": torch.rand(1, channels, 1, 1, generator=generator)
        for i, channels in enumerate(CHANNELS[name])
    }
    backbone = {"classifier.6.bias": torch.zeros(1000)}
    for layer, (channels_in, channels_out) in (VGG if name == "vgg" else ALEX).items():
        side = 3 if name == "vgg" else ALEX_KERNELS[layer]
        weight = torch.randn(channels_out, channels_in, side, side, generator=generator)
        backbone[f"features.{layer}.weight"] = weight * (2 / (channels_in * side**2)) ** 0.5
        backbone[f"features.{layer}.bias"] = 0.1 * torch.randn(channels_out, generator=generator)
    return linear, backbone


@pytest.fixture(autouse=True)
def weight_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which weights are looked for; empty at first."""
    folder = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("SPLATWORKS_WEIGHTS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "no cache"))
    monkeypatch.setenv("TORCH_HOME", str(folder / "no hub"))
    return folder


def make_run(
    path: Path,
    views: int,
    iterations: tuple[int, ...] = (30,),
    sizes: tuple[tuple[int, int], ...] = ((24, 16),),
    views_of: ViewSet = "test",
) -> RunFolder:
    """A run folder with renders and photographs of noise; sizes (width, height) take turns."""
    folder = RunFolder(path)
    folder.path.mkdir(parents=True)
    folder.config.write_text("{}")
    random = np.random.default_rng(0)
    for iteration in iterations:
        for kind in ("renders", "gt"):
            folder.images(views_of, iteration, kind).mkdir(parents=True)
        for row in range(views):
            width, height = sizes[row % len(sizes)]
            photograph = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            noise = random.normal(0, 10 + 10 * row, photograph.shape)
            render = np.clip(photograph + noise, 0, 255).astype(np.uint8)
            write_png(folder.images(views_of, iteration, "gt") / f"{row:05d}.png", photograph)
            write_png(folder.images(views_of, iteration, "renders") / f"{row:05d}.png", render)
    return folder


def add_masks(folder: RunFolder, iteration: int = 30, *, others: bool = True) -> RunFolder:
    """Make a run one on a video: masks of its held-out views, and better renderings of other kinds."""
    random = np.random.default_rng(1)
    photographs = sorted(folder.images("test", iteration, "gt").glob("*.png"))
    for photograph in photographs:
        height, width = read_image(photograph).shape[:2]
        mask = (random.uniform(size=(height, width)) < 0.3).astype(np.uint8) * 255
        write_png(masks_folder(folder, iteration) / photograph.name, mask)
        render, truth = (
            read_image(folder.images("test", iteration, "renders") / photograph.name),
            read_image(photograph),
        )
        for halves, each in enumerate(HELD_OUT[1:], 1) if others else ():
            share = 0.5**halves
            blend = share * render.astype(np.float64) + (1 - share) * truth
            write_png(folder.held_out_renders(iteration, each) / photograph.name, blend.astype(np.uint8))
    views = tuple(
        MaskedView(path.name, 5 + 10 * row, f"{5 + 10 * row:05d}.jpg") for row, path in enumerate(photographs)
    )
    write_masked_views(folder, iteration, MaskedViews("annotation", folder.path / "Annotations", views))
    return folder


def make_video_run(path: Path, frames: int = 12, held_out: tuple[int, ...] = (5,)) -> RunFolder:
    """A run on a video of a textured plane that slides by, with a square that moves: predicted and rendered.

    Frames are 48x32 pixels, the predictor looked at the part of 40x32 from x=4 on, at half the size.
    """
    folder = RunFolder(path / "dog")
    home = folder.prediction
    random = np.random.default_rng(2)
    texture = np.repeat(np.repeat(random.integers(0, 256, (12, 40, 3), dtype=np.uint8), 4, 0), 4, 1)
    names = tuple(f"{row:05d}.png" for row in range(frames))
    masks = torch.zeros(frames, 16, 20, dtype=torch.bool)
    for row, name in enumerate(names):
        image = texture[8:40, 2 * row : 2 * row + 48].copy()
        image[8:16, 2 * row + 6 : 2 * row + 14] = 255
        masks[row, 4:8, row + 1 : row + 5] = True
        write_png(home / "images" / name, image)
        write_png(path / "truth" / "dog" / name, annotation_of(row))
    viewmats = torch.eye(4).repeat(frames, 1, 1)
    viewmats[:, 0, 3] = -0.1 * torch.arange(frames)
    viewmats[:, 1, 3] = 0.01 * torch.arange(frames) ** 2
    size = (torch.full((frames,), 20), torch.full((frames,), 16))
    cameras = Cameras(
        viewmats, torch.tensor([[20.0, 0, 10], [0, 20, 8], [0, 0, 1]]).repeat(frames, 1, 1), *size
    )
    prediction = Prediction(
        predictor="classical",
        frame_names=names,
        cameras=cameras,
        dynamic_probabilities=masks.float(),
        dynamic_masks=masks,
        depths=torch.ones(frames, 16, 20),
        confidences=torch.ones(frames, 16, 20),
        registered=torch.arange(frames) > 0,
        crop=(4.0, 0.0, 40.0, 32.0),
        assurance=Assurance("high", "general"),
    )
    times = tuple(row / 24 for row in range(frames))
    facts = FrameFacts("video", names, names, times, 24.0, 48, 32, 1, 1)
    write_json(home / FACTS_FILE, config_to_json(facts))
    write_prediction(home, prediction, facts)
    write_json(folder.config, {"method": "dynamic", "source_path": str(home)})
    write_json(folder.timing, {"training_seconds": 90.0})
    rest = [row for row in range(frames) if row not in held_out]
    order = [*held_out, *rest]
    write_cameras_json(folder.cameras, cameras[order], [names[row] for row in order])
    for place, row in enumerate(held_out):
        photograph = read_image(home / "images" / names[row])
        write_png(folder.images("test", 30, "gt") / f"{place:05d}.png", photograph)
        write_png(folder.images("test", 30, "renders") / f"{place:05d}.png", photograph // 8 * 8)
    return folder


def annotation_of(row: int) -> np.ndarray:
    """What moves in a frame of `make_video_run`, with an object's number for a value."""
    label = np.zeros((32, 48), np.uint8)
    label[8:16, 2 * row + 6 : 2 * row + 14] = 38
    return label
