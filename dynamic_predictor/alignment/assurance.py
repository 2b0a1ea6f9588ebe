"""How sure aligned cameras are: by the kind of motion, and by the flow they should explain."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dynamic_predictor.alignment.camera_motion import Motion
from dynamic_predictor.alignment.flow_term import PairFlows, ego_flow
from scene.prediction import Assurance

_GOOD_RESIDUAL_PX = 2.0
_CHUNK = 16  # pairs


def flow_residual_px(
    flows: PairFlows,
    static: Bool[Tensor, "N P"],
    depths: Float[Tensor, "N P"],
    c2w: Float[Tensor, "N 4 4"],
    focals: Float[Tensor, " N"],
    pixels: Float[Tensor, "P 2"],
) -> float | None:
    """Median distance of measured flow from that of cameras and depths, where nothing moves.

    Args:
        flows: measured.
        static: where nothing moves.
        depths: z-depths.
        c2w: world-from-camera.
        focals: pixels.
        pixels: relative to the principal point.

    Returns:
        Pixels; None where no flow can be compared.
    """
    distances: list[Tensor] = []
    for start in range(0, len(flows.edges), _CHUNK):
        rows = slice(start, start + _CHUNK)
        i, j = flows.edges[rows].unbind(dim=1)
        implied = ego_flow(depths[i], c2w[i], c2w[j], focals[i], focals[j], pixels)
        distance = torch.linalg.vector_norm(implied - flows.flows[rows], dim=-1)
        distances.append(distance[flows.used[rows] & static[i] & (depths[i] > 0)])
    together = torch.cat(distances) if distances else torch.zeros(0)
    together = together[together.isfinite()]
    return together.median().item() if len(together) else None


def assurance_of(
    motion: Motion, registered: Bool[Tensor, " N"], residual_px: float | None, loss: float | None
) -> Assurance:
    """What to tell of a path.

    Args:
        motion: its kind.
        registered: False for frames whose camera is a neighbour's.
        residual_px: see `flow_residual_px`.
        loss: the alignment's at its end, if there was one.
    """
    sentences: list[str] = []
    level = "high"
    missing = int((~registered).sum())
    if missing:
        level = "medium"
        sentences.append(f"{missing} of {len(registered)} frames have the camera of a neighbour")
    if residual_px is not None and residual_px > _GOOD_RESIDUAL_PX:
        level = "medium"
        sentences.append(f"cameras and depths miss the optical flow by {residual_px:.1f} px in the middle")
    if motion == "rotation":
        level = "medium"
        sentences.append("the camera turns but hardly moves: its path is short against the scene's depth")
    if motion == "static":
        level = "low"
        sentences.append("the camera stands still: depth is the network's alone")
    numbers = {"frames": float(len(registered)), "frames_registered": float(registered.sum())}
    if residual_px is not None:
        numbers["flow_residual_px"] = residual_px
    if loss is not None:
        numbers["alignment_loss"] = loss
    return Assurance(level, motion, tuple(sentences), numbers)
