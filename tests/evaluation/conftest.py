"""Weight files of random numbers in the layout of the published ones, and run folders with rendered noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core.images import read_image, write_png
from core.run_folder import RunFolder, ViewSet
from evaluation.scoring import refined_renders
from evaluation.static_scores import MaskedView, MaskedViews, masks_folder, write_masked_views

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


def add_masks(folder: RunFolder, iteration: int = 30, *, refined: bool = True) -> RunFolder:
    """Make a run one on a video: masks of its held-out views, and renderings of refined poses."""
    random = np.random.default_rng(1)
    photographs = sorted(folder.images("test", iteration, "gt").glob("*.png"))
    for photograph in photographs:
        height, width = read_image(photograph).shape[:2]
        mask = (random.uniform(size=(height, width)) < 0.3).astype(np.uint8) * 255
        write_png(masks_folder(folder, iteration) / photograph.name, mask)
        if refined:
            blend = read_image(folder.images("test", iteration, "renders") / photograph.name) // 2
            write_png(
                refined_renders(folder, iteration) / photograph.name, blend + read_image(photograph) // 2
            )
    views = tuple(
        MaskedView(path.name, 5 + 10 * row, f"{5 + 10 * row:05d}.jpg") for row, path in enumerate(photographs)
    )
    write_masked_views(folder, iteration, MaskedViews("annotation", folder.path / "Annotations", views))
    return folder
