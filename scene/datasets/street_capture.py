"""From what a driving log says to a `Capture`: its world moved to a vehicle of its own, pixels on order."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.geometry import invert_se3
from core.images import read_gray
from scene.boxes import boxes_mask
from scene.cameras import Cameras
from scene.capture import Capture
from scene.datasets.decoding import DecodedView, ViewDecoder
from scene.datasets.lenses import Lens, Undistortion
from scene.datasets.poses import check_pose
from scene.datasets.street_log import LogFrame, LogView, StreetLog
from scene.datasets.street_options import StreetOptions
from scene.drive import Box, Drive, Sweep
from scene.images import Column, ImageHeader, Prefetched, read_header
from scene.lidar_depth import sparse_inverse_depth

_LISTED = 8
_MOST_APART_S = 0.5  # a picture and its frame: cameras and lidar of one turn are within 0.1 s
_HEADER_THREADS = 16


@dataclass(frozen=True)
class _Plan:
    """How the picture of a view will be used."""

    view: LogView
    undistortion: Undistortion | None
    K: Float64[ndarray, "3 3"]
    width: int
    height: int


def capture_of_log(source: Path, log: StreetLog, options: StreetOptions) -> Capture:
    """The capture that a driving log describes.

    Args:
        source: the folder of the log.
        log: what its reader found; frames and cameras already chosen.
        options: of which the size is used here.

    Raises:
        UserError: fewer than two images exist, the times are out of order, or a pose or a lens is broken.
    """
    notes = list(log.notes)
    _check_frames(source, log.frames)
    _check_views(source, log)
    check_pose(log.world_from_origin, f"{source}: the vehicle's pose at the world's origin")
    world_from_log = np.linalg.inv(log.world_from_origin)
    names = _from_left_to_right(log)
    views = sorted(_existing(source, log, notes), key=lambda view: (view.frame, names.index(view.camera)))
    plans = _plans(log, views, options, notes)
    cameras = _cameras(plans, world_from_log)
    drive = _drive(log, plans, names, world_from_log, notes)
    decoders = [_decoder(plan) for plan in plans]
    decoded = Prefetched(decoders, threads=torch.get_num_threads())
    leave_blanks = any(decoder.makes_mask for decoder in decoders)
    times = drive.view_times_s - drive.view_times_s.min()
    return Capture(
        name=source.resolve().name,
        source=source,
        cameras=cameras,
        image_names=tuple(view.name for view in views),
        images=Column(decoded, lambda item: item.image),
        valid_masks=_valid_masks(decoded, drive, leave_blanks),
        dynamic_masks=_dynamic_masks(plans, cameras, drive, notes),
        inverse_depths=_inverse_depths(cameras, drive),
        times=(times / max(float(times.max()), 1e-9)).float(),
        drive=drive,
        notes=tuple(notes),
    )


def _check_frames(source: Path, frames: Sequence[LogFrame]) -> None:
    before: LogFrame | None = None
    for frame in frames:
        check_pose(frame.world_from_ego, f"{source}: the vehicle's pose in frame {frame.number}")
        if not np.isfinite(frame.time_s) or (before is not None and frame.time_s <= before.time_s):
            after = "" if before is None else f", not after {before.time_s} s of frame {before.number}"
            raise UserError(
                f"{source}: frame {frame.number} was measured at {frame.time_s} s{after}; times in the order "
                "of the frames were expected"
            )
        before = frame


def _check_views(source: Path, log: StreetLog) -> None:
    for view in log.views:
        check_pose(view.world_from_camera, f"{source}: the pose of {view.name}")
        frame = log.frames[view.frame]
        if not abs(view.time_s - frame.time_s) <= _MOST_APART_S:  # nor where it is not a number
            raise UserError(
                f"{source}: {view.name} was taken at {view.time_s} s, and its frame measured at "
                f"{frame.time_s} s; the same clock, seconds, and at most {_MOST_APART_S} s between them were "
                "expected"
            )


def _from_left_to_right(log: StreetLog) -> list[str]:
    """The rig's cameras by where they look, seen from the vehicle; those that look back come last."""
    azimuths: dict[str, float] = {}
    for view in log.views:
        forward = log.frames[view.frame].world_from_ego[:3, :3].T @ view.world_from_camera[:3, 2]
        azimuths.setdefault(view.camera, float(np.arctan2(forward[1], forward[0])))
    back = np.pi * 0.9
    return sorted(azimuths, key=lambda name: -azimuths[name] if azimuths[name] < back else np.pi)


def _existing(source: Path, log: StreetLog, notes: list[str]) -> list[LogView]:
    """The views whose image exists."""
    views = [view for view in log.views if view.path.is_file()]
    missing = [view for view in log.views if not view.path.is_file()]
    if len(views) < 2:
        example = f"; {missing[0].path} is missing" if missing else ""
        raise UserError(f"{source} has {len(views)} images of the {len(log.views)} asked for{example}")
    if missing:
        listed = ", ".join(view.name for view in missing[:_LISTED]) + (
            ", ..." if len(missing) > _LISTED else ""
        )
        notes.append(f"{len(missing)} of {len(log.views)} images are missing and were left out: {listed}")
    return views


def _plans(log: StreetLog, views: list[LogView], options: StreetOptions, notes: list[str]) -> list[_Plan]:
    with ThreadPoolExecutor(_HEADER_THREADS) as pool:  # they wait for a disk or a network
        headers = list(pool.map(read_header, [view.path for view in views]))
    factor = options.factor(max(max(header.width, header.height) for header in headers))
    corrections: dict[tuple[Lens, int, int], Undistortion] = {}
    plans = []
    for view, header in zip(views, headers, strict=True):
        lens = log.lenses[view.camera]
        _check_lens(lens, header, view)
        key = (lens, header.width, header.height)
        if not lens.is_pinhole and key not in corrections:
            corrections[key] = _same_size_undistortion(*key)
        width, height = max(1, round(header.width * factor)), max(1, round(header.height * factor))
        plans.append(_Plan(view, corrections.get(key), lens.K(width, height), width, height))
    if corrections:
        count = sum(plan.undistortion is not None for plan in plans)
        notes.append(f"{count} images are undistorted; their size and intrinsics stay")
    return plans


def _check_lens(lens: Lens, header: ImageHeader, view: LogView) -> None:
    if not np.isfinite(lens.params).all() or lens.K(lens.width, lens.height).diagonal().min() <= 0:
        raise UserError(
            f"the camera {view.camera} is broken: {lens}; finite numbers and a focal length expected"
        )
    expected = lens.width * header.height / lens.height
    if abs(header.width - expected) > 1 + 0.02 * header.width:
        raise UserError(
            f"{view.path} is {header.width}x{header.height}, but its camera was calibrated for "
            f"{lens.width}x{lens.height}; images of that shape were expected"
        )


def _same_size_undistortion(lens: Lens, width: int, height: int) -> Undistortion:
    """Undistortion that keeps intrinsics and size, as the masks and boxes of a log are made for them."""
    K = lens.K(width, height)
    pinhole = Lens("PINHOLE", (K[0, 0], K[1, 1], K[0, 2], K[1, 2]), width, height)
    correction = Undistortion(lens, width, height, pinhole, leaves_blanks=False)
    return replace(correction, leaves_blanks=not correction.valid().all())


def _decoder(plan: _Plan) -> ViewDecoder:
    return ViewDecoder(plan.view.path, False, "black", plan.width, plan.height, plan.undistortion)


def _cameras(plans: list[_Plan], world_from_log: Float64[ndarray, "4 4"]) -> Cameras:
    c2w = torch.from_numpy(np.stack([world_from_log @ plan.view.world_from_camera for plan in plans]))
    return Cameras(
        viewmats=invert_se3(c2w).float(),
        Ks=torch.from_numpy(np.stack([plan.K for plan in plans])).float(),
        width=torch.tensor([plan.width for plan in plans]),
        height=torch.tensor([plan.height for plan in plans]),
    )


def _drive(
    log: StreetLog,
    plans: list[_Plan],
    names: list[str],
    world_from_log: Float64[ndarray, "4 4"],
    notes: list[str],
) -> Drive:
    start = log.frames[0].time_s
    without = [str(frame.number) for frame in log.frames if frame.sweep is None]
    if len(without) == len(log.frames):
        notes.append("no frame has lidar: nothing says where surfaces are and what moves")
    elif without:
        notes.append(f"frames {', '.join(without)} have no lidar: they are used without it")
    boxes = None
    if any(frame.boxes is not None for frame in log.frames):
        boxes = Prefetched([partial(_boxes, frame, world_from_log) for frame in log.frames], threads=0)
    sizes = {plan.view.camera: plan for plan in plans}
    return Drive(
        camera_names=tuple(names),
        view_cameras=torch.tensor([names.index(plan.view.camera) for plan in plans]),
        view_frames=torch.tensor([plan.view.frame for plan in plans]),
        view_times_s=torch.tensor([plan.view.time_s - start for plan in plans], dtype=torch.float64),
        frame_times_s=torch.tensor([frame.time_s - start for frame in log.frames], dtype=torch.float64),
        world_from_ego=torch.from_numpy(
            np.stack([world_from_log @ frame.world_from_ego for frame in log.frames])
        ),
        sweeps=Prefetched([partial(_sweep, frame, world_from_log) for frame in log.frames], threads=0),
        boxes=boxes,
        sky_masks=_sky_masks(plans, notes),
        ego_masks=(
            [
                _read_mask(sizes[name], log.ego_masks[name]) if name in log.ego_masks else None
                for name in names
            ]
            if log.ego_masks
            else None
        ),
    )


def _sweep(frame: LogFrame, world_from_log: Float64[ndarray, "4 4"]) -> Sweep | None:
    if frame.sweep is None:
        return None
    sweep = frame.sweep()
    rotation, shift = world_from_log[:3, :3], world_from_log[:3, 3]
    return Sweep(
        xyz=torch.from_numpy(sweep.xyz @ rotation.T + shift).float(),
        origins=torch.from_numpy(sweep.origins @ rotation.T + shift).float(),
        intensity=torch.from_numpy(sweep.intensity).float(),
    )


def _boxes(frame: LogFrame, world_from_log: Float64[ndarray, "4 4"]) -> tuple[Box, ...]:
    if frame.boxes is None:
        return ()
    moved = torch.from_numpy(world_from_log)
    return tuple(replace(box, world_from_box=moved @ box.world_from_box) for box in frame.boxes())


def _valid_masks(
    decoded: Sequence[DecodedView], drive: Drive, leave_blanks: bool
) -> Sequence[Bool[Tensor, "_H _W"]] | None:
    """True but where undistortion left a pixel blank, and where a camera sees its own vehicle."""
    if drive.ego_masks is None:
        return Column(decoded, lambda item: item.valid_mask()) if leave_blanks else None
    outside = [None if mask is None else ~mask for mask in drive.ego_masks]

    def make(row: int) -> Bool[Tensor, "_H _W"]:
        seen, view = outside[int(drive.view_cameras[row])], decoded[row]
        if seen is None or view.valid is None:
            return view.valid_mask() if seen is None else seen  # views of a camera share its mask
        return view.valid & seen

    return Prefetched([partial(make, row) for row in range(len(decoded))], threads=0)


def _inverse_depths(cameras: Cameras, drive: Drive) -> Sequence[Float[Tensor, "_H _W"] | None] | None:
    def make(row: int) -> Float[Tensor, "_H _W"] | None:
        sweep = drive.sweeps[int(drive.view_frames[row])]
        if sweep is None:
            return None
        width, height = int(cameras.width[row]), int(cameras.height[row])
        return sparse_inverse_depth(sweep.xyz, cameras.viewmats[row], cameras.Ks[row], width, height)

    return Prefetched([partial(make, row) for row in range(len(cameras))], threads=0)


def _dynamic_masks(
    plans: list[_Plan], cameras: Cameras, drive: Drive, notes: list[str]
) -> Sequence[Bool[Tensor, "_H _W"]] | None:
    """Masks that the log has as files, if every view has one; else those of its boxes."""
    readers = [
        partial(_read_mask, plan, path)
        for plan in plans
        if (path := plan.view.dynamic_mask) is not None and path.is_file()
    ]
    if len(readers) == len(plans):
        return Prefetched(readers, threads=0)
    if readers:
        notes.append(f"{len(plans) - len(readers)} of {len(plans)} views have no dynamic mask: none is used")
    boxes = drive.boxes
    if boxes is None:
        return None

    def make(row: int) -> Bool[Tensor, "_H _W"]:
        width, height = int(cameras.width[row]), int(cameras.height[row])
        of_frame = boxes[int(drive.view_frames[row])]
        return boxes_mask(of_frame, cameras.viewmats[row], cameras.Ks[row], width, height)

    return Prefetched([partial(make, row) for row in range(len(cameras))], threads=0)


def _sky_masks(plans: list[_Plan], notes: list[str]) -> Sequence[Bool[Tensor, "_H _W"] | None] | None:
    """The masks in files. Few logs label every picture, so a view without one is None."""
    paths = [plan.view.sky_mask for plan in plans]
    paths = [path if path is not None and path.is_file() else None for path in paths]
    missing = sum(path is None for path in paths)
    if missing == len(plans):
        notes.append("the log has no sky masks: --sky-weight has nothing to go by")
        return None
    if missing:
        notes.append(f"{missing} of {len(plans)} views have no sky mask: --sky-weight goes by the others")
    return Prefetched(
        [partial(_read_mask_if_any, plan, path) for plan, path in zip(plans, paths, strict=True)], threads=0
    )


def _read_mask_if_any(plan: _Plan, path: Path | None) -> Bool[Tensor, "_H _W"] | None:
    return None if path is None else _read_mask(plan, path)


def _read_mask(plan: _Plan, path: Path) -> Bool[Tensor, "_H _W"]:
    mask = (read_gray(path) > 127).astype(np.uint8)
    if plan.undistortion is not None:
        size = (plan.undistortion.width, plan.undistortion.height)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        mask = plan.undistortion.apply(mask, cv2.INTER_NEAREST)
    mask = cv2.resize(mask, (plan.width, plan.height), interpolation=cv2.INTER_NEAREST)
    return torch.from_numpy(mask > 0)
