"""How a video is predicted."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dynamic_predictor.alignment.config import AlignmentConfig

PredictorName = Literal["classical", "das3r", "monst3r", "dust3r"]
FlowName = Literal["dis", "raft", "sea-raft"]


@dataclass(frozen=True)
class PredictorConfig:
    """How cameras, moving things and depth of a video are found."""

    predictor: PredictorName = "classical"
    """classical needs no weights; the others are networks; data.download_weights fetches theirs."""
    pretrained: Path | None = None
    """A weight file for the network; by default it is looked for under its published name."""
    flow: FlowName = "dis"
    """Optical flow: OpenCV's DIS, or RAFT and SEA-RAFT where their weights are there."""
    long_side: int = 512
    """Working size: the long side of the images that are looked at, in pixels."""
    user_masks: Path | None = None
    """Folder of masks that say what moves (white), one for each frame, used in place of our own."""
    assume_static: bool = False
    """Do not look for what moves: everything counts as standing still, to see what masks are good for. The
    training still finds pixels that do not fit, unless --no-staticness."""
    user_poses: Path | None = None
    """Known cameras in place of our own: a TUM trajectory (camera-to-world), matched by time or by order, or
    a COLMAP model, matched by the names of the source's images."""
    focal_px: float | None = None
    """Known focal length in pixels of the frames as they are written, that is after --frame-long-side."""
    rounds: int = 2
    """How often masks and cameras are found in turn, each with the help of the other."""
    scene_graph_type: str | None = None
    """Which pairs of frames a network looks at: complete, oneref-FRAME, or swin-W, swinstride-W,
    swin2stride-W, swinskip_start-W or logwin-W with a window W, with -noncyclic where the last frames are not
    paired with the first; by default swinstride-5-noncyclic, with a smaller window for long clips."""
    alignment: AlignmentConfig = AlignmentConfig()
    """How what a network says of pairs of frames becomes one scene."""
    seed: Annotated[int, tyro.conf.Suppress] = 0
    """Of everything random; a command line fills in its own seed."""

    def __post_init__(self) -> None:
        if self.long_side < 16:
            raise ValueError(f"long_side: 16 pixels or more were expected, got {self.long_side}")
        if self.focal_px is not None and not 0 < self.focal_px < math.inf:
            raise ValueError(f"focal_px: a positive number was expected, got {self.focal_px}")
        if self.assume_static and self.user_masks is not None:
            raise ValueError(
                "assume_static: user_masks say that something moves; one of the two was expected"
            )
        if self.rounds < 1:
            raise ValueError(f"rounds: at least 1 was expected, got {self.rounds}")
