"""How every job of a run is done: what its stages take from the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from bulk.jobs import Job
from bulk.readiness import ReadinessConfig
from core.cli import flag
from gaussian_renderer.depth_files import DepthFormat
from scene.datasets import CaptureOptions
from scene.datasets.image_folders import DIVISORS, folder_divisor
from scene.splits import SplitMode
from training.mask_options import MaskOptions


@dataclass(frozen=True)
class Gates:
    """What a scene is held against by the stage `validate`. One below a gate is kept, and marked."""

    gate_psnr: float = 12.0
    """Least mean PSNR of the held-out views, in dB."""
    gate_train_psnr: float = 18.0
    """Least mean PSNR of the views that trained, in dB."""
    gate_unsupported: float = 0.95
    """Largest mean of the held-out views' masks: the share of the image that no training view supports."""
    gate_gaussians: int = 100
    """Least number of Gaussians."""
    gate_train_views: int = 2
    """Least number of views that train."""
    gate_test_views: int = 8
    """Least number of held-out views: half of a clip of 16."""
    gate_size: tuple[int, int] = (512, 256)
    """Least width and height of the images, in pixels: what loaders crop out of them by default."""


@dataclass(frozen=True)
class JobOptions:
    """How every job of a run is done."""

    seed: int = 0
    """Of the split and all draws."""
    iterations: int = 30_000
    """Of the training."""
    split_mode: SplitMode = "contiguous"
    """How the views that train are picked: neighbours from a random place on, or evenly spaced."""
    resolution: Annotated[int | None, flag("-r")] = None
    """As -r of train.py; by default the images of a folder images_N are taken as they are."""
    extra_downscale: int = 1
    """Divides the size of the images once more."""
    sh_degree: int = 3
    """Of the colours, 0 to 3."""
    max_gaussians: int | None = None
    """Cap on the number of Gaussians; a job that does not fit is repeated with a lower one."""
    coarser: int = 0
    """Further halvings of the images; a job that does not fit is repeated with more."""
    keep_checkpoints: bool = False
    """Keep the states of finished trainings, which are three times as large as their Gaussians."""
    masks: MaskOptions = MaskOptions()
    """Of the stage `visibility`."""
    depth_format: DepthFormat = "png16"
    """Of the stage `depth`: 16-bit images, or arrays of float16 with alpha in one file."""
    ready: ReadinessConfig = ReadinessConfig()
    """What a scene must have for its jobs to begin."""
    gates: Gates = Gates()
    """Of the stage `validate`."""
    shard_mb: int = 1024
    """Largest size of a shard of the stage `pack`, in MB; one sample more may go over it."""
    captions: Path | None = None
    """What is said of the scenes: JSON or JSON lines with scene_id and caption, or {scene_id: caption}; an id
    may leave out the split. Without it captions are empty."""
    licence: str | None = None
    """Of the input images, for the manifests and the card of the data set."""
    backend: str = "auto"
    """Who draws: auto, native or reference."""
    yes: bool = False
    """Let the stages `clean` and `partition_fix` delete."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: a number from 0 on was expected, got {self.seed}")
        for name in ("iterations", "extra_downscale", "shard_mb"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: at least 1 was expected, got {getattr(self, name)}")


def capture_options(job: Job, options: JobOptions) -> CaptureOptions:
    """How a job's images are read: those of a folder images_N as they are, unless a resolution is given."""
    resolution = options.resolution
    if resolution is None:
        divisor = folder_divisor(job.scene.images)
        resolution = divisor if divisor in DIVISORS else -1
    return CaptureOptions(
        images=job.scene.images,
        resolution=resolution,
        extra_downscale=options.extra_downscale * 2**options.coarser,
    )
