"""How global alignment goes about it."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from core import cli
from dynamic_predictor.alignment.objective import ConfidenceWeight, Distance

_NOT_NEGATIVE = (
    "rate", "last_rate", "patience", "least_progress", "smoothness", "translation_weight", "flow_weight",
    "flow_start", "flow_outlier_px", "flow_give_up_px", "depth_weight", "dynamic_threshold", "pnp_confidence",
    "static_camera_px",
)  # fmt: skip


@dataclass(frozen=True)
class AlignmentConfig:
    """Global alignment of pairwise pointmaps.

    Flags of fields whose names say little beside those of a training begin with `--alignment`.
    """

    steps: Annotated[int, cli.flag(name="alignment-steps")] = 300
    """Optimiser steps at the most."""
    rate: Annotated[float, cli.flag(name="alignment-rate")] = 0.01
    """Learning rate of Adam at the start."""
    last_rate: Annotated[float, cli.flag(name="alignment-last-rate")] = 0.001
    """Learning rate at the end."""
    rate_schedule: Annotated[Literal["linear", "cosine"], cli.flag(name="alignment-rate-schedule")] = "linear"
    """How the rate falls from the first to the last."""
    patience: Annotated[int, cli.flag(name="alignment-patience")] = 30
    """Steps without progress after which the optimisation ends; 0 takes all steps."""
    least_progress: Annotated[float, cli.flag(name="alignment-least-progress")] = 1e-4
    """Share by which the loss must fall within `patience` steps to count as progress."""
    pixels: Annotated[int | None, cli.flag(name="alignment-pixels")] = 9216
    """Pixels of a frame that take part in the alignment, on an even lattice; None takes all. Where they are
    fewer than all, depths of all pixels are fitted at the end with the cameras as they are."""
    distance: Annotated[Distance, cli.flag(name="alignment-distance")] = "l1"
    """Length of a difference between points (l1), or its square (l2)."""
    confidence_weight: Annotated[ConfidenceWeight, cli.flag(name="alignment-confidence-weight")] = "log"
    """How a network's confidence becomes a weight."""
    moving_weight: Annotated[float, cli.flag(name="alignment-moving-weight")] = 0.0
    """Factor on the weight of pixels whose thing moves, from 0 to 1."""
    shared_focal: bool = True
    """One focal length for all frames; otherwise one each."""
    smoothness: float = 0.05
    """Weight of the camera's mean jump from frame to frame. DAS3R adds 0.01 of each jump, so that its weight
    grows with the clip: over 40 frames it bends the path that the pointmaps say."""
    translation_weight: float = 1.0
    """Weight of a jump's translation, in 1 / world units, beside its rotation."""
    flow_weight: float = 0.02
    """Weight of the difference between optical flow and the flow that cameras and depths imply, in 1 / px."""
    flow_start: float = 0.1
    """Share of the steps after which the flow counts."""
    flow_outlier_px: float = 50.0
    """Flow differences from here on do not count."""
    flow_give_up_px: float = 20.0
    """While the mean flow difference is above this, the flow does not count: the cameras are still wrong."""
    depth_weight: Annotated[float, cli.flag(name="alignment-depth-weight")] = 0.0
    """Weight of scale-free distance to the initial depths."""
    dynamic_threshold: float = 0.5
    """Probability from which on a pixel's thing moves, for networks that say so."""
    pnp_confidence: float = 3.0
    """Confidence from which on points help to find a camera from its pixels."""
    clean_window: int | None = 8
    """Frames before and after that a frame's points are checked against; None checks against all."""
    static_camera_px: float = 0.5
    """A camera stands still when its motion moves nothing by more than this many pixels."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps: at least 1 was expected, got {self.steps}")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if self.clean_window is not None and self.clean_window < 1:
            raise ValueError(f"clean_window: at least 1 frame was expected, got {self.clean_window}")
        if not 0 <= self.moving_weight <= 1:
            raise ValueError(f"moving_weight: a factor from 0 to 1 was expected, got {self.moving_weight}")
        if self.pixels is not None and self.pixels < 16:
            raise ValueError(
                f"pixels: at least 16 of a frame were expected, or None for all; got {self.pixels}"
            )
