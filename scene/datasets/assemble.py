"""From what a source says to a `Capture`: images found, cameras at their real sizes, pixels on order."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray

from core.errors import UserError
from scene.cameras import Cameras
from scene.capture import Capture, PointCloud
from scene.datasets.decoding import InverseDepthDecoder, ViewDecoder, cache_folder
from scene.datasets.depths import DepthMaps
from scene.datasets.image_folders import check_resolution, resolution_note, target_size
from scene.datasets.lenses import Undistortion, undistortion
from scene.datasets.options import CaptureOptions
from scene.datasets.source import PredictedMaps, SourceScene, SourceView
from scene.datasets.view_check import check_orientation, check_view
from scene.images import Column, ImageHeader, Prefetched, read_header
from scene.points import random_points_in_view

_LISTED = 8
_HEADER_THREADS = 16
# How far the shape of an image may be from its camera's before that is mentioned: more than rounding goes.
_SHAPE_TOLERANCE = 0.02


@dataclass(frozen=True)
class _Plan:
    """A view whose image exists, and how its image will be used."""

    view: SourceView
    header: ImageHeader
    undistortion: Undistortion | None
    K: Float64[ndarray, "3 3"]
    width: int
    height: int


def assemble(source: Path, scene: SourceScene, options: CaptureOptions) -> Capture:
    """The capture that a source describes.

    Args:
        source: the folder of the capture.
        scene: what the reader of that kind of data set found in it.
        options: how to read it.

    Raises:
        UserError: fewer than two images exist, one of them or a pose is broken, or an option does not fit.
    """
    check_resolution(options)
    notes = list(scene.notes)
    views = _existing(source, scene.views, notes)
    with ThreadPoolExecutor(_HEADER_THREADS) as pool:  # they wait for a disk or a network
        headers = pool.map(read_header, [view.path for view in views])
        plans = [_plan(view, header, options) for view, header in zip(views, headers, strict=True)]
    _note_sizes(plans, options, notes)
    decoders = _decoders(source, plans, options, notes)
    decoded = Prefetched(decoders, threads=torch.get_num_threads())
    has_masks = any(decoder.makes_mask for decoder in decoders)
    cameras = _cameras(plans)
    maps = _predicted_maps(plans)
    inverse_depths = _inverse_depths(source, plans, options, notes)
    if inverse_depths is None and maps is not None:
        inverse_depths = Column(maps, lambda item: item.inverse_depth())
    return Capture(
        name=source.resolve().name,
        source=source,
        cameras=cameras,
        image_names=tuple(view.name for view in views),
        images=Column(decoded, lambda item: item.image),
        points=_points(source, scene, cameras, options, notes),
        valid_masks=Column(decoded, lambda item: item.valid_mask()) if has_masks else None,
        dynamic_masks=None if maps is None else Column(maps, lambda item: item.dynamic_mask()),
        dynamic_probabilities=(
            None if maps is None else Column(maps, lambda item: item.dynamic_probability())
        ),
        inverse_depths=inverse_depths,
        times=_times(plans),
        notes=tuple(notes),
    )


def _existing(source: Path, views: Sequence[SourceView], notes: list[str]) -> list[SourceView]:
    """The views whose image exists, sorted by name."""
    views = sorted(views, key=lambda view: view.name)
    for name, uses in Counter(view.name for view in views).items():
        if uses > 1:
            raise UserError(f"{source} lists the image {name} {uses} times; each image was expected once")
    missing = [view for view in views if not view.path.is_file()]
    views = [view for view in views if view.path.is_file()]
    if missing and not views:
        raise UserError(
            f"none of the {len(missing)} images of {source} exists: {missing[0].path} is the first"
        )
    if len(views) < 2:
        raise UserError(f"{source} has {len(views)} image with a pose; at least 2 were expected")
    if missing:
        names = _listed([view.name for view in missing])
        notes.append(
            f"{len(missing)} of {len(missing) + len(views)} images are missing and were left out: {names}"
        )
    return views


def _plan(view: SourceView, header: ImageHeader, options: CaptureOptions) -> _Plan:
    check_view(view)
    width, height = header.width, header.height
    check_orientation(view, width, height)
    correction, lens = None, view.lens
    if not view.lens.is_pinhole:
        correction = undistortion(view.lens, width, height)
        lens = correction.pinhole
        width, height = lens.width, lens.height
    new_width, new_height = target_size(width, height, options)
    return _Plan(view, header, correction, lens.K(new_width, new_height), new_width, new_height)


def _note_sizes(plans: list[_Plan], options: CaptureOptions, notes: list[str]) -> None:
    odd = [plan for plan in plans if not _same_shape(plan)]
    if odd:
        lens, header = odd[0].view.lens, odd[0].header
        notes.append(
            f"{len(odd)} images have another shape than their camera ({odd[0].view.name} is "
            f"{header.width}x{header.height} for {lens.width}x{lens.height}); each axis is scaled by itself"
        )
    corrected = [plan for plan in plans if plan.undistortion is not None]
    if corrected:
        models = ", ".join(sorted({plan.view.lens.model for plan in corrected}))
        notes.append(f"{len(corrected)} images were undistorted ({models})")
    sizes = {(plan.header.width, plan.header.height): (plan.width, plan.height) for plan in plans}
    changes = [f"{old[0]}x{old[1]} to {new[0]}x{new[1]}" for old, new in sizes.items() if old != new]
    if changes:
        notes.append(f"image sizes changed: {_listed(changes)}")
    note = resolution_note(options, [plan.header.width for plan in plans])
    if note:
        notes.append(note)


def _same_shape(plan: _Plan) -> bool:
    lens, header = plan.view.lens, plan.header
    expected = lens.width * header.height / lens.height
    return abs(header.width - expected) <= 1 + _SHAPE_TOLERANCE * header.width


def _decoders(
    source: Path, plans: list[_Plan], options: CaptureOptions, notes: list[str]
) -> list[ViewDecoder]:
    cache = None
    if any(plan.undistortion is not None for plan in plans):
        try:
            cache = cache_folder(source, options.cache)
        except UserError as error:
            notes.append(f"undistorted images are not kept for the next run: {error}")
    masks = _mask_paths(source, [plan.view for plan in plans], options, notes)
    return [
        ViewDecoder(
            plan.view.path,
            plan.header.has_alpha,
            options.alpha,
            plan.width,
            plan.height,
            plan.undistortion,
            mask,
            cache,
        )
        for plan, mask in zip(plans, masks, strict=True)
    ]


def _mask_paths(
    source: Path, views: list[SourceView], options: CaptureOptions, notes: list[str]
) -> list[Path | None]:
    """For each view its mask: one that the source names, else `0001.jpg.png` or `0001.png` in the folder."""
    folder = source / (options.masks or "masks")
    if options.masks and not folder.is_dir():
        raise UserError(f"--masks {options.masks}: {folder} is no folder")
    paths: list[Path | None] = []
    for view in views:
        stem = str(PurePosixPath(view.name).with_suffix(""))
        names = [folder / f"{view.name}.png", folder / f"{stem}.png"]
        candidates = [view.mask_path, *names] if view.mask_path else names
        paths.append(next((path for path in candidates if path.is_file()), None))
    without = [view.name for view, path in zip(views, paths, strict=True) if path is None]
    if without and (folder.is_dir() or len(without) < len(views)):
        notes.append(f"{len(without)} of {len(views)} images have no mask: {_listed(without)}")
    return paths


def _inverse_depths(
    source: Path, plans: list[_Plan], options: CaptureOptions, notes: list[str]
) -> Sequence[torch.Tensor | None] | None:
    if options.depths is None:
        return None
    maps = DepthMaps(source, options.depths)
    makers, without = [], []
    for plan in plans:
        found = maps.find(plan.view.name)
        if found is None:
            without.append(plan.view.name)
            makers.append(_nothing)
        else:
            makers.append(InverseDepthDecoder(*found, plan.width, plan.height, plan.undistortion))
    if len(without) == len(plans):
        raise UserError(
            f"-d {options.depths}: none of the {len(plans)} images has an inverse depth map of use"
        )
    if without:
        notes.append(
            f"{len(without)} images have no inverse depth map that can be relied on: {_listed(without)}"
        )
    return Prefetched(makers, threads=torch.get_num_threads())


def _predicted_maps(plans: list[_Plan]) -> Sequence[PredictedMaps] | None:
    """What a predictor says of the views; None unless it says something of all of them."""
    makers = [partial(plan.view.maps, plan.width, plan.height) for plan in plans if plan.view.maps]
    return Prefetched(makers, threads=torch.get_num_threads()) if len(makers) == len(plans) else None


def _times(plans: list[_Plan]) -> Float[torch.Tensor, " C"] | None:
    times = [plan.view.time for plan in plans if plan.view.time is not None]
    return torch.tensor(times) if len(times) == len(plans) else None


def _nothing() -> None:
    return None


def _cameras(plans: list[_Plan]) -> Cameras:
    return Cameras(
        viewmats=torch.from_numpy(np.stack([plan.view.viewmat for plan in plans])).float(),
        Ks=torch.from_numpy(np.stack([plan.K for plan in plans])).float(),
        width=torch.tensor([plan.width for plan in plans]),
        height=torch.tensor([plan.height for plan in plans]),
    )


def _points(
    source: Path, scene: SourceScene, cameras: Cameras, options: CaptureOptions, notes: list[str]
) -> PointCloud | None:
    points = scene.points
    if points is not None:
        finite = points.xyz.isfinite().all(dim=1)
        if not finite.all():
            notes.append(f"{int((~finite).sum())} points are not finite and were left out")
            points = PointCloud(points.xyz[finite], points.rgb[finite])
        if not len(points) and options.random_points is None:
            raise UserError(
                f"the file of points in {source} holds none that can be used; restore it, or start from N "
                "random points with --random-points N"
            )
    if points is None and not scene.needs_points and options.random_points is None:
        return None
    if points is None or not len(points):
        count = options.random_point_count
        notes.append(f"the source has no points: {count} random ones stand in for them")
        points = random_points_in_view(cameras, count)
    return points


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
