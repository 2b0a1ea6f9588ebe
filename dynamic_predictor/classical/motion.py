"""What moves in a clip whose cameras and depth are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core.progress import Progress
from dynamic_predictor.classical.consensus import still_depths
from dynamic_predictor.classical.evidence import Evidence, gather
from dynamic_predictor.classical.persistence import along_paths, between_motions
from dynamic_predictor.classical.refinement import refined
from dynamic_predictor.classical.remembered import RememberedFlow, as_array
from dynamic_predictor.classical.segmentation import segment
from scene.cameras import Cameras

DECISION = 0.5
"""Share of the votes from which on something moves."""


@dataclass(frozen=True)
class Glance:
    """One way to look for motion; each gives every frame a vote.

    Args:
        flow_gaps: frame gaps at which flow is compared with ego-motion.
        photo_gaps: frame gaps at which photographs are compared.
        photo_noise: threshold of the photographs' differences, in medians over the clip.
    """

    flow_gaps: tuple[int, ...]
    photo_gaps: tuple[int, ...]
    photo_noise: float


# Fast things show within a frame or two; slow ones only over many, where flow is less reliable.
GLANCES = (Glance((1, 2), (1, 2, 4), 4.0), Glance((4, 8), (4, 8), 5.0))

_FLOW_NOISE = 3.0  # threshold of flow's disagreement, in medians over the clip
_LEAST_PX = 0.3
_LEAST_PHOTO = 0.004


def moving_probabilities(
    images: Sequence[UInt8[Tensor, "H W 3"]],
    flows: RememberedFlow,
    depths: Float[Tensor, "N H W"],
    cameras: Cameras,
) -> Float[Tensor, "N H W"]:
    """How likely it is that what a pixel shows moves; `DECISION` parts moving from still.

    Args:
        images: N of one size.
        flows: between them.
        depths: z-depths of what stands still, 0 = none.
        cameras: N cameras of the images' size.
    """
    arrays = [as_array(image) for image in images]
    votes = np.zeros(tuple(depths.shape), np.float32)
    with Progress(len(GLANCES) * 2 * len(images), label="motion") as progress:
        for glance in GLANCES:
            evidence = []
            for row in range(len(images)):
                evidence.append(
                    gather(row, arrays, flows, depths, cameras, glance.flow_gaps, glance.photo_gaps)
                )
                progress.advance()
            thresholds = _thresholds(evidence, glance)
            for row, one in enumerate(evidence):
                votes[row] += segment(images[row].numpy(), one, *thresholds)
                progress.advance()
    probabilities = along_paths(votes / len(GLANCES), flows).clip(0, 1)
    resting = between_motions(probabilities > DECISION, flows)
    behind = still_depths((probabilities > DECISION) | resting, depths, cameras)
    return torch.from_numpy(refined(arrays, probabilities, resting, behind, cameras))


def _thresholds(evidence: Sequence[Evidence], glance: Glance) -> tuple[float, float]:
    """What flow and photographs must exceed, from the noise of the whole clip, most of which stands still."""
    flow_px = float(np.median([one.flow_px for one in evidence]))
    photo = float(np.median([one.photo for one in evidence]))
    return max(_LEAST_PX, _FLOW_NOISE * flow_px), glance.photo_noise * max(_LEAST_PHOTO, photo)


def decide(probabilities: Float[Tensor, "N H W"]) -> Bool[Tensor, "N H W"]:
    """True where something moves."""
    return probabilities > DECISION
