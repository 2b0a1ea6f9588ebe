"""What is known of a video before any Gaussian is trained: cameras, what moves, depth, how sure that is."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor

from scene.cameras import Cameras
from scene.capture import PointCloud

Level = Literal["high", "medium", "low"]
Motion = Literal["general", "rotation", "static"]


@dataclass(frozen=True)
class Assurance:
    """How sure a predictor is of its cameras.

    Args:
        level: `high`: structure from motion agreed on all frames; `medium`: some frames were filled in, or
            the baseline is small; `low`: a fallback, such as a camera that stands still or only turns, or one
            that is known for less than half of the frames.
        camera_motion: what kind of motion was found.
        sentences: the reasons, for the log and the report.
        numbers: measured facts behind them, such as the reprojection error in pixels.
    """

    level: Level
    camera_motion: Motion
    sentences: tuple[str, ...] = ()
    numbers: dict[str, float] | None = None


@dataclass(frozen=True)
class Prediction:
    """A predictor's answer for N frames, at its working size [H, W].

    The working images are the frames resized and, for the networks, cropped; `crop` says how.

    Args:
        predictor: its name: classical, das3r, monst3r, dust3r.
        frame_names: file names of the frames, in the order of time.
        cameras: N cameras of the working size.
        dynamic_probabilities: in [0, 1], how likely it is that the pixel's thing moves.
        dynamic_masks: the decision, True where something moves.
        depths: z-depth in world units, 0 = none.
        confidences: weights of the depths, at least 0; 0 = none.
        registered: False where a frame's camera was filled in from its neighbours.
        crop: (left, top, width, height) of the part of a frame that the working images show, in pixels of the
            frame; they are that part, resized.
        assurance: how sure the cameras are.
        points: of what stands still, if the predictor made any.
    """

    predictor: str
    frame_names: tuple[str, ...]
    cameras: Cameras
    dynamic_probabilities: Float[Tensor, "N H W"]
    dynamic_masks: Bool[Tensor, "N H W"]
    depths: Float[Tensor, "N H W"]
    confidences: Float[Tensor, "N H W"]
    registered: Bool[Tensor, " N"]
    crop: tuple[float, float, float, float]
    assurance: Assurance
    points: PointCloud | None = None
