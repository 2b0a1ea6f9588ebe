"""A clip predicted without weights: masks give cameras, cameras depth, depth masks, in rounds."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.progress import say
from dynamic_predictor.classical.coarse_motion import coarse_masks
from dynamic_predictor.classical.motion import decide, moving_probabilities
from dynamic_predictor.classical.registration import complete_cameras
from dynamic_predictor.classical.remembered import RememberedFlow
from dynamic_predictor.classical.structure import Structure, structure_from_motion
from dynamic_predictor.classical.turning import STILL_PX, Turning, image_motion_px, standing, turning
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.flow import make_flow
from dynamic_predictor.flow_depth import FlowDepthConfig, depth_from_flow
from dynamic_predictor.working_video import WorkingVideo
from scene.cameras import Cameras
from scene.capture import PointCloud
from scene.prediction import Assurance, Level, Motion, Prediction

_FLAT_DEPTH = 10.0  # of everything, in world units, where nothing has parallax
_FLAT_CONFIDENCE = 0.2
_DISTURBED = 0.05  # share of the structure's observations on moving things that asks for another round
_GOOD_ERROR_PX = 1.0
_LEAST_REGISTERED = 0.5
_TURNING_ERROR = 0.004  # of the long side: by more than that a camera does not only turn


@dataclass(frozen=True)
class Geometry:
    """Cameras of a clip, and what they rest on.

    Args:
        cameras: N cameras of the working size.
        registered: which of them rest on measurements.
        motion: what kind of motion the camera makes.
        error_px: reprojection error, in working pixels.
        structure: what structure from motion found, if it is what the cameras come from.
        source: where they come from, for the log.
        parallax: whether anything has enough of it that its depth is known.
        doubts: what speaks against them, as sentences.
    """

    cameras: Cameras
    registered: Bool[Tensor, " N"]
    motion: Motion
    error_px: float
    structure: Structure | None
    source: str
    parallax: bool = True
    doubts: tuple[str, ...] = ()


def predict_classically(video: WorkingVideo, config: PredictorConfig) -> Prediction:
    """Cameras, moving things and depth of a video, by structure from motion and optical flow.

    Args:
        video: working images, and what the user knows.
        config: how.

    Raises:
        UserError: the optical flow's weights are missing.
    """
    flows = RememberedFlow(make_flow(config.flow), video.images)
    masks = video.user_masks
    if masks is None:
        say("looking for what moves against each frame's dominant plane")
        masks = torch.from_numpy(np.stack(coarse_masks(flows)))
    probabilities = masks.float()
    round_ = 1
    while True:
        geometry = _find_cameras(video, flows, masks, config)
        say(f"round {round_}: {geometry.source}")
        depths, confidences, geometry = _find_depths(video, flows, masks, geometry)
        if video.user_masks is not None:
            break
        probabilities = moving_probabilities(video.images, flows, depths, geometry.cameras)
        masks = decide(probabilities)
        say(f"round {round_}: {100 * masks.float().mean():.1f} % of the pixels move")
        if round_ >= config.rounds or _disturbed(geometry.structure, masks) < _DISTURBED:
            break
        round_ += 1
    return Prediction(
        predictor="classical",
        frame_names=video.names,
        cameras=geometry.cameras,
        dynamic_probabilities=probabilities,
        dynamic_masks=masks,
        depths=torch.where(masks, 0.0, depths),
        confidences=torch.where(masks, 0.0, confidences),
        registered=geometry.registered,
        crop=video.size.crop,
        assurance=_assurance(geometry),
        points=_points(geometry.structure),
    )


def _find_cameras(
    video: WorkingVideo, flows: RememberedFlow, masks: Bool[Tensor, "N H W"], config: PredictorConfig
) -> Geometry:
    count, (width, height) = len(video.images), flows.size
    everyone = torch.ones(count, dtype=torch.bool)
    focal = None if video.known.focals is None else float(video.known.focals[0])
    if video.known.c2w is not None:
        known = torch.linalg.inv(video.known.c2w).float()
        assert focal is not None  # a working video derives it from the cameras
        cameras = _cameras(known, focal, width, height)
        return Geometry(cameras, everyone, "general", 0.0, None, "cameras are given")
    if count == 1 or image_motion_px(flows, masks) < STILL_PX:
        return _kept_place(standing(count, flows, focal), "static", "the camera stands still", flows)
    structure = structure_from_motion(video.images, list(masks.numpy()), focal_px=focal, seed=config.seed)
    solved = None if structure is None else _structured(structure, flows)
    if solved is not None and solved.registered.float().mean() >= _LEAST_REGISTERED:
        return solved
    turned = turning(flows, focal, masks)
    off = f"a camera that only turns is {turned.error_px:.1f} px off"
    if solved is None or _explains(turned, flows):
        found = "no frame" if solved is None else f"only {int(solved.registered.sum())} of {count} frames"
        return _kept_place(turned, "rotation", f"structure from motion poses {found}; {off}", flows)
    return replace(solved, doubts=(f"less than half of the clip is posed, and {off}",))


def _structured(structure: Structure, flows: RememberedFlow) -> Geometry | None:
    """The cameras of structure from motion, and of frames beside its own; None where it posed none."""
    if not structure.registered.any():
        return None
    viewmats, registered = complete_cameras(structure, flows, 1.0)
    told = (
        f"structure from motion poses {int(structure.registered.sum())} of {len(registered)} frames with "
        f"{len(structure.xyz)} points, error {structure.error_px:.2f} px, focal length "
        f"{structure.focal_px:.0f} px"
    )
    cameras = _cameras(viewmats, structure.focal_px, *flows.size)
    return Geometry(cameras, registered, "general", structure.error_px, structure, told)


def _kept_place(turned: Turning, motion: Motion, told: str, flows: RememberedFlow) -> Geometry:
    """A camera that stands or only turns; if that explains the images badly its motion is not known."""
    cameras = _cameras(turned.viewmats, turned.focal_px, *flows.size)
    everyone = torch.ones(len(cameras), dtype=torch.bool)
    doubts: list[str] = []
    if not _explains(turned, flows):
        motion = "general"
        doubts.append("no camera was found that explains the clip; one that only turns stands in")
    if not turned.focal_is_sure:
        doubts.append(
            f"the images do not tell the focal length: {turned.focal_px:.0f} px is little more than a guess, "
            "and --focal-px names a known one"
        )
    return Geometry(
        cameras, everyone, motion, turned.error_px, None, told, parallax=False, doubts=tuple(doubts)
    )


def _explains(turned: Turning, flows: RememberedFlow) -> bool:
    return turned.error_px <= _TURNING_ERROR * max(flows.size)


def _find_depths(
    video: WorkingVideo, flows: RememberedFlow, masks: Bool[Tensor, "N H W"], geometry: Geometry
) -> tuple[Float[Tensor, "N H W"], Float[Tensor, "N H W"], Geometry]:
    """Depths and confidences. Where nothing has parallax everything is put at one distance."""
    depths = torch.zeros(masks.shape)
    confidences = torch.zeros(masks.shape)
    if geometry.parallax and len(video.images) > 1:
        depths, confidences = depth_from_flow(video.images, geometry.cameras, masks, flows, FlowDepthConfig())
    if not (depths > 0).any():
        depths = torch.full(masks.shape, _FLAT_DEPTH)
        confidences = torch.full(masks.shape, _FLAT_CONFIDENCE)
        turned = None
        if geometry.structure is not None:
            turned = turning(flows, geometry.structure.focal_px, masks)
        if turned is not None and _explains(turned, flows):
            told = f"nothing has parallax; a camera that only turns is {turned.error_px:.1f} px off"
            geometry = _kept_place(turned, "rotation", told, flows)
        geometry = replace(geometry, parallax=False)
    return depths, confidences, geometry


def _cameras(viewmats: Float[Tensor, "N 4 4"], focal: float, width: int, height: int) -> Cameras:
    count = len(viewmats)
    K = torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    sizes = (torch.full((count,), size) for size in (width, height))
    return Cameras(viewmats, K.repeat(count, 1, 1), *sizes)


def _disturbed(structure: Structure | None, masks: Bool[Tensor, "N H W"]) -> float:
    """Share of the structure's observations that lie on moving things."""
    if structure is None or not len(structure.frames):
        return 0.0
    height, width = masks.shape[1:]
    x = structure.pixels[:, 0].long().clamp(0, width - 1)
    y = structure.pixels[:, 1].long().clamp(0, height - 1)
    return float(masks[structure.frames, y, x].float().mean())


def _points(structure: Structure | None) -> PointCloud | None:
    return None if structure is None else PointCloud(structure.xyz, structure.rgb)


def _assurance(geometry: Geometry) -> Assurance:
    missing = int((~geometry.registered).sum())
    posed = 1.0 if geometry.structure is None else float(geometry.structure.registered.float().mean())
    numbers = {"reprojection_error_px": geometry.error_px, "posed_share": posed}
    sentences = [geometry.source, *geometry.doubts]
    if missing:
        sentences.append(f"{missing} frames could not be posed; their cameras are interpolated")
    if not geometry.parallax:
        sentences.append("there is no parallax, so depth is not known and everything is put at one distance")
    if geometry.motion != "general" or geometry.doubts:
        level: Level = "low"
    elif missing or posed < 1 or not geometry.parallax or geometry.error_px > _GOOD_ERROR_PX:
        level = "medium"
    else:
        level = "high"
    return Assurance(level, geometry.motion, tuple(sentences), numbers)
