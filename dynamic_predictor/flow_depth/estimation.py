"""Dense depth of a clip: triangulate, fuse, fill and smooth each frame, then ask the others."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from dynamic_predictor.ego_motion import epipolar_residual, pixel_centers, relative_projection
from dynamic_predictor.flow import Flow
from dynamic_predictor.flow_depth.agreement import agreement
from dynamic_predictor.flow_depth.ladder import Frames, neighbors_of_frames
from dynamic_predictor.flow_depth.smoothing import smooth
from dynamic_predictor.flow_depth.triangulation import fuse, observe
from scene.cameras import Cameras

_PILOTS = 6
# A frame gets depth when a fifth of its known pixels shows at least this parallax; less is the flow's noise.
_LEAST_PARALLAX_PX = 1.0
_PARALLAX_QUANTILE = 0.8
# Parallax of what counts as infinitely far, the sky above all.
_FARTHEST_PX = 0.25
# Where fewer than this share of the static pixels follows the cameras, flow over that gap has failed.
_LEAST_ON_LINE = 0.5
_ON_LINE_PX = 2.0
# Range of depths within five pixels at which the confidence is one half: flow blurs what is near into what is
# far, so that depths are five times worse at such edges.
_EDGE_SHARE = 0.3
# So many of the longest gaps are asked whether they agree; near the border only shorter ones can tell.
_ASKED = 3
# Relative precision of depth at which the confidence is one half.
_HALF_CONFIDENCE = 0.05
# Of the typical precision: the most that one pixel counts for when its neighbours are smoothed, and the
# support below which filling takes over.
_HEAVIEST = 4.0
_FILL_BELOW = 0.05


@dataclass(frozen=True)
class FlowDepthConfig:
    """How depth is found from flow."""

    depth_parallax_px: float = 12.0
    """Frames farther and farther apart are compared until the median parallax reaches this, in pixels."""
    depth_longest_gap: int = 16
    """The most frames between two that are compared."""
    depth_smoothness: float = 30.0
    """How strongly the depths of alike neighbouring pixels are tied."""
    depth_filling: float = 3000.0
    """The same where flow tells little or nothing, such as on plain surfaces."""


def depth_from_flow(
    frames: Frames,
    cameras: Cameras,
    dynamic_masks: Bool[Tensor, "N H W"],
    flow: Flow,
    config: FlowDepthConfig,
) -> tuple[Float[Tensor, "N H W"], Float[Tensor, "N H W"]]:
    """Depth of what stands still, for every frame.

    Where the camera stands or only turns there is no depth. Elsewhere every pixel has one: it is filled in
    where flow tells nothing, also where something moves, there at confidence 0.

    Args:
        frames: N frames of the cameras' size.
        cameras: of all frames.
        dynamic_masks: True where something moves.
        flow: a method of optical flow.
        config: how.

    Returns:
        z-depths in world units, 0 = none, and confidences in [0, 1], both float32.
    """
    inverse = torch.zeros(dynamic_masks.shape, dtype=torch.float32, device=dynamic_masks.device)
    precision = torch.zeros_like(inverse)
    reach_px = [0.0] * len(frames)
    rungs = _choose_rungs(frames, cameras, dynamic_masks, flow, config)
    for index, neighbors in neighbors_of_frames(frames, rungs, flow):
        seen = observe(index, neighbors, cameras, dynamic_masks)
        if not len(seen.reach_px):
            continue
        reach = seen.reach_px.max().item()
        mean, certainty = fuse(seen)
        if not _has_parallax(mean, certainty, reach):
            continue
        reach_px[index] = reach
        filled, precision[index] = _filled(mean, certainty, frames[index], config)
        inverse[index] = filled.clamp_min(_FARTHEST_PX / reach)
    return _confirmed(inverse, precision, reach_px, cameras, dynamic_masks, rungs)


def _choose_rungs(
    frames: Frames,
    cameras: Cameras,
    dynamic_masks: Bool[Tensor, "N H W"],
    flow: Flow,
    config: FlowDepthConfig,
) -> int:
    """How many of the gaps 1, 2, 4, ... to use: until the median parallax of a few frames is large enough.

    A gap is not used when the flow over it has left the epipolar lines, and the first one always is.
    """
    count = len(frames)
    pilots = sorted({int(row) for row in torch.linspace(0, max(count - 2, 0), _PILOTS).tolist()})
    guesses: dict[int, Float[Tensor, "H W 2"]] = {}
    rungs, parallax = 0, 0.0
    while parallax < config.depth_parallax_px and 2**rungs <= min(config.depth_longest_gap, count - 1):
        parallaxes, on_line = [], []
        for pilot in pilots:
            other = pilot + 2**rungs
            if other >= count:
                continue
            guess = 2 * guesses[pilot] if pilot in guesses else None
            guesses[pilot] = flow(frames[pilot], frames[other], guess)
            still = ~dynamic_masks[pilot]
            if not bool(still.any()):
                continue
            source, target = cameras[pilot], cameras[other]
            parallaxes.append(_parallax_px(guesses[pilot], source, target)[still].median())
            residual = epipolar_residual(guesses[pilot], source, target)
            on_line.append((residual[still] < _ON_LINE_PX).float().mean())
        if not parallaxes or (rungs and torch.stack(on_line).median() < _LEAST_ON_LINE):
            break
        parallax = torch.stack(parallaxes).median().item()
        rungs += 1
    return rungs


def _parallax_px(flow: Float[Tensor, "H W 2"], source: Cameras, target: Cameras) -> Float[Tensor, "H W"]:
    """What a flow has beyond that of points at infinity."""
    homography, _ = (part.to(flow) for part in relative_projection(source, target))
    pixels = pixel_centers((flow.shape[1], flow.shape[0]), flow)
    infinity = pixels @ homography[:, :2].mT + homography[:, 2]
    return (pixels + flow - infinity[..., :2] / infinity[..., 2:]).norm(dim=-1)


def _has_parallax(inverse: Float[Tensor, "H W"], precision: Float[Tensor, "H W"], reach_px: float) -> bool:
    known = inverse[precision > 0]
    if not len(known):
        return False
    return bool(known.quantile(_PARALLAX_QUANTILE) * reach_px >= _LEAST_PARALLAX_PX)


def _filled(
    inverse: Float[Tensor, "H W"],
    precision: Float[Tensor, "H W"],
    frame: UInt8[Tensor, "H W 3"],
    config: FlowDepthConfig,
) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Inverse depths smoothed where they are known and filled in elsewhere, and precisions spread alike."""
    typical = precision[precision > 0].median()
    weights = (precision / typical).clamp_max(_HEAVIEST)
    values, guide = inverse.cpu().numpy(), frame.cpu().numpy()
    near, support = smooth(values, weights.cpu().numpy(), guide, config.depth_smoothness)
    far, _ = smooth(values, weights.cpu().numpy(), guide, config.depth_filling)
    share = support / (support + _FILL_BELOW)
    both = torch.from_numpy(share * near + (1 - share) * far)
    return both.to(inverse), torch.from_numpy(support).to(precision) * typical


def _confirmed(
    inverse: Float[Tensor, "N H W"],
    precision: Float[Tensor, "N H W"],
    reach_px: list[float],
    cameras: Cameras,
    dynamic_masks: Bool[Tensor, "N H W"],
    rungs: int,
) -> tuple[Float[Tensor, "N H W"], Float[Tensor, "N H W"]]:
    """Depths averaged with those that agree in other frames, and confidences."""
    depths, confidences = torch.zeros_like(inverse), torch.zeros_like(inverse)
    steps = [sign * 2**rung for rung in range(max(0, rungs - _ASKED), rungs) for sign in (-1, 1)]
    for index, reach in enumerate(reach_px):
        if reach == 0.0:
            continue
        others = [index + step for step in steps if 0 <= index + step < len(reach_px)]
        agree, contradict, total = agreement(index, others, inverse, cameras, reach)
        mean = (inverse[index] + total) / (1 + agree)
        relative_variance = 1 / (precision[index] * mean.square()).clamp_min(1e-12)
        precise = _HALF_CONFIDENCE**2 / (_HALF_CONFIDENCE**2 + relative_variance)
        confirmed = agree / (agree + contradict).clamp_min(1)
        depths[index] = 1 / mean
        trust = precise * confirmed * _away_from_edges(mean)
        confidences[index] = torch.where(dynamic_masks[index], 0, trust)
    return depths, confidences


def _away_from_edges(inverse: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """1 where depth is smooth, towards 0 where it jumps."""
    both = torch.stack([inverse, -inverse])[:, None]
    highest, negative_lowest = F.max_pool2d(both, 5, stride=1, padding=2)[:, 0]
    share = (highest + negative_lowest) / inverse
    return 1 / (1 + (share / _EDGE_SHARE).square())
