"""How a video is predicted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

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
    user_poses: Path | None = None
    """Known cameras: a TUM trajectory (camera-to-world) or a COLMAP model; used in place of our own."""
    focal_px: float | None = None
    """Known focal length in pixels of the frames."""
    rounds: int = 2
    """How often masks and cameras are found in turn, each with the help of the other."""
    seed: Annotated[int, tyro.conf.Suppress] = 0
    """Of everything random; a command line fills in its own seed."""
