"""A video looked at by a network of the DUSt3R family: pairs predicted, aligned, cleaned."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from core.devices import best_device
from core.folders import OTHER_TEMPORARY_FOLDER, check_space
from core.geometry import invert_se3, transform_points
from core.memory import readable
from core.progress import Progress, say
from dynamic_predictor.alignment.aligner import Aligned, align
from dynamic_predictor.alignment.assurance import assurance_of, flow_residual_px
from dynamic_predictor.alignment.camera_motion import camera_motion
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.alignment.flow_term import PairFlows
from dynamic_predictor.alignment.masks import dynamic_probabilities
from dynamic_predictor.alignment.measured_flow import MotionFromFlow, measure_flows
from dynamic_predictor.alignment.optimisation import Course
from dynamic_predictor.alignment.pair_viewer import view_pair, view_single
from dynamic_predictor.alignment.pointmaps import Pointmaps, pixel_grid, sample_rows, storage_bytes
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.flow import make_flow
from dynamic_predictor.network.checkpoints import load_network, network_weights
from dynamic_predictor.network.inference import forecast, predict_pairs, prepare
from dynamic_predictor.network.model import Network
from dynamic_predictor.network.preprocess import normalized
from dynamic_predictor.pairs import clip_pairs, undirected
from dynamic_predictor.working_video import WorkingVideo, prepare_video
from scene.cameras import Cameras
from scene.capture import PointCloud
from scene.prediction import Prediction

_IN_MEMORY = 2**30  # bytes of predictions; more than that go to a file
_MOTION_THRESHOLD = 0.35  # for networks that do not say what moves
_POINTS = 100_000
_NO_HEADS = (
    "these weights say nothing of what moves, unlike DAS3R's; masks come from optical flow, as with "
    "--predictor monst3r"
)


def predict_with_network(
    frames: Sequence[UInt8[Tensor, "H W 3"]],
    frame_names: Sequence[str],
    config: PredictorConfig,
    *,
    known_cameras: Cameras | None = None,
    known: Bool[Tensor, " N"] | None = None,
) -> Prediction:
    """What the network that `config` names says of a video.

    Args:
        frames: of one size, in the order of time; at least one.
        frame_names: their names.
        config: which network, which weights, which flow, what is known.
        known_cameras: cameras of the frames' size that are given, one a frame.
        known: which of them are; all by default.

    Raises:
        UserError: weights are missing or damaged, frames differ in size or are too small, the graph of pairs
            does not connect them, or the disk has no room for what is kept meanwhile.
    """
    video = prepare_video(frames, frame_names, config, known_cameras, known)
    path = config.pretrained or network_weights(config.predictor)
    return predict_video(prepare(load_network(path), best_device()), video, config)


def predict_video(network: Network, video: WorkingVideo, config: PredictorConfig) -> Prediction:
    """As `predict_with_network`, with a network that is loaded and prepared."""
    count = len(video.images)
    edges = clip_pairs(config.scene_graph_type, count)
    height, width = video.shape
    with_dynamic = network.config.dynamic_heads
    with ExitStack() as stack:
        needed = storage_bytes(len(edges), height * width, with_dynamic=with_dynamic)
        folder = None
        if needed > _IN_MEMORY:
            what = f"predictions of {len(edges)} pairs of frames"
            check_space(Path(tempfile.gettempdir()), needed, what, OTHER_TEMPORARY_FOLDER)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pairs-")))
        _announce(network, video, len(edges), needed, in_file=folder is not None)
        pairs = Pointmaps.empty(
            edges, count, pixel_grid(height, width), with_dynamic=with_dynamic, folder=folder
        )
        _ask(network, video, edges, pairs)
        prediction = _answer(pairs, video, config)
    if config.predictor == "das3r" and not with_dynamic and video.user_masks is None:
        say(f"warning: {_NO_HEADS}")
        told = replace(prediction.assurance, sentences=(*prediction.assurance.sentences, _NO_HEADS))
        return replace(prediction, assurance=told)
    return prediction


def _lattice(video: WorkingVideo, config: AlignmentConfig) -> Int64[Tensor, " S"]:
    """Rows of the pixels that take part in the alignment."""
    return sample_rows(*video.shape, config.pixels)


def _announce(network: Network, video: WorkingVideo, pairs: int, stored: int, *, in_file: bool) -> None:
    expected = forecast(network, [video.shape] * len(video.images)).total + (0 if in_file else stored)
    kept = f", and {readable(stored)} of temporary files" if in_file else ""
    say(
        f"{len(video.images)} frames at {video.shape[1]}x{video.shape[0]}, {pairs} pairs: about "
        f"{readable(expected)} of memory for the network{kept}"
    )


def _ask(network: Network, video: WorkingVideo, edges: list[tuple[int, int]], pairs: Pointmaps) -> None:
    """Fill in what the network says of every pair."""
    images = [normalized(image) for image in video.images]
    with Progress(len(edges), label="pairs of frames") as progress:
        for row, said in predict_pairs(network, images, edges):
            sides = (
                (said.pts3d_1, said.conf_1, said.dynamic_1),
                (said.pts3d_2, said.conf_2, said.dynamic_2),
            )
            for side, (points, confidences, dynamic) in enumerate(sides):
                pairs.put(
                    row,
                    side,
                    points[0].reshape(-1, 3).cpu(),
                    confidences[0].reshape(-1).cpu(),
                    None if dynamic is None else dynamic[0].reshape(-1).cpu(),
                )
            progress.advance()


def _answer(pairs: Pointmaps, video: WorkingVideo, config: PredictorConfig) -> Prediction:
    """From the pairs' predictions to the video's."""
    count, shape = len(video.images), video.shape
    alignment = config.alignment
    focal = None if video.known.focals is None else float(video.known.focals[0])
    from_flow = None if pairs.dynamic is not None else MotionFromFlow(pairs, shape, focal)
    flows = None
    if count > 1:
        partners = undirected((i, j) for i, j in pairs.edges.tolist())
        flows = measure_flows(
            video.images, partners, make_flow(config.flow), _lattice(video, alignment), from_flow
        )
    if from_flow is None:
        probabilities = dynamic_probabilities(pairs).reshape(count, *shape)
        moving = probabilities > alignment.dynamic_threshold
    else:
        probabilities = from_flow.probabilities()
        moving = probabilities > _MOTION_THRESHOLD
    if video.user_masks is not None:
        moving, probabilities = video.user_masks, video.user_masks.float()
    if count > 2 or (count == 2 and video.known.c2w is not None):
        aligned = align(pairs, shape, alignment, moving=moving.flatten(1), flows=flows, known=video.known)
    else:
        aligned = _viewed(pairs, video, moving, alignment)
    if video.known.c2w is None:
        aligned = replace(aligned, c2w=invert_se3(aligned.c2w[:1]) @ aligned.c2w)
    return _prediction(aligned, probabilities, moving, flows, video, config)


def _viewed(
    pairs: Pointmaps, video: WorkingVideo, moving: Bool[Tensor, "N H W"], config: AlignmentConfig
) -> Aligned:
    """One or two frames, which need no optimisation."""
    shape, focals = video.shape, video.known.focals
    if len(video.images) == 1:
        view = view_single(pairs, 0, shape, None if focals is None else focals[0])
    else:
        first, second = pairs.row(0, 1), pairs.row(1, 0)
        if first is None or second is None:
            raise ValueError("two frames are viewed from both directions; a pair is missing")
        given = None if focals is None else focals.expand(2)
        view = view_pair(pairs, first, second, shape, focals=given, static=~moving.flatten(1))
    motion = camera_motion(view.c2w, view.depths, view.focals, config.static_camera_px)
    c2w = view.c2w if motion != "static" else torch.eye(4).expand_as(view.c2w)
    if video.known.c2w is not None and len(video.images) == 1:
        c2w = video.known.c2w
    depths, confidences = (maps.reshape(-1, *shape) for maps in (view.depths, view.confidences))
    return Aligned(c2w, view.focals, depths, confidences, view.posed, motion, Course())


def _prediction(
    aligned: Aligned,
    probabilities: Float[Tensor, "N H W"],
    moving: Bool[Tensor, "N H W"],
    flows: PairFlows | None,
    video: WorkingVideo,
    config: PredictorConfig,
) -> Prediction:
    count, (height, width) = len(video.images), video.shape
    Ks = torch.zeros(count, 3, 3)
    Ks[:, 0, 0] = Ks[:, 1, 1] = aligned.focals
    Ks[:, 0, 2], Ks[:, 1, 2], Ks[:, 2, 2] = width / 2, height / 2, 1
    cameras = Cameras(invert_se3(aligned.c2w), Ks, torch.full((count,), width), torch.full((count,), height))
    residual = None
    if flows is not None:
        lattice = _lattice(video, config.alignment)
        residual = flow_residual_px(
            flows,
            ~moving.flatten(1)[:, lattice],
            aligned.depths.flatten(1)[:, lattice],
            aligned.c2w,
            aligned.focals,
            pixel_grid(height, width)[lattice],
        )
    losses = aligned.course.losses
    # As the networks' confidences start at 1, their logarithms are weights that start at 0.
    weights = aligned.confidences.clamp_min(1).log()
    return Prediction(
        predictor=config.predictor,
        frame_names=video.names,
        cameras=cameras,
        dynamic_probabilities=probabilities.float(),
        dynamic_masks=moving,
        depths=aligned.depths,
        confidences=weights,
        registered=aligned.registered,
        crop=video.size.crop,
        assurance=assurance_of(aligned.motion, aligned.registered, residual, losses[-1] if losses else None),
        points=_points(aligned, cameras, weights, moving, video.images),
    )


def _points(
    aligned: Aligned,
    cameras: Cameras,
    weights: Float[Tensor, "N H W"],
    moving: Bool[Tensor, "N H W"],
    images: list[UInt8[Tensor, "H W 3"]],
) -> PointCloud | None:
    """Points of what stands still and is sure, on an even lattice; None if there are none."""
    height, width = images[0].shape[:2]
    rows = sample_rows(height, width, max(1, _POINTS // len(images)))
    pixels = pixel_grid(height, width)[rows]
    xyz, rgb = [], []
    for frame, image in enumerate(images):
        depths, sure = aligned.depths[frame].reshape(-1)[rows], weights[frame].reshape(-1)[rows]
        kept = (depths > 0) & (sure > 0) & ~moving[frame].reshape(-1)[rows]
        z = depths[kept, None]
        in_camera = torch.cat([z * pixels[kept] / aligned.focals[frame], z], dim=1)
        xyz.append(transform_points(aligned.c2w[frame], in_camera))
        rgb.append(image.reshape(-1, 3)[rows][kept])
    points = torch.cat(xyz)
    return PointCloud(points.float(), torch.cat(rgb)) if len(points) else None
