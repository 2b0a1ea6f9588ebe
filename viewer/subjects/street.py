"""Runs of the street method: a drive that can be stopped at any time, and parts of it by themselves."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize
from scene.cameras import Cameras
from scene.splats import Splats
from training.showreel import tinted
from training.street_scene import Parts, StreetView
from training.street_videos import camera_ahead
from training.street_views import TrainedStreet, depth_picture, picture
from viewer.eyes import scaled
from viewer.subject import (
    ALPHA,
    AT_VIEWS,
    DEPTH,
    ERROR,
    PHOTOGRAPH,
    RENDER,
    Extent,
    KnownView,
    Picture,
    Wish,
)
from viewer.subjects.drawing import alpha_picture, error_picture, extent_of, wished

MOVING = "moving"
"""The channel of how much of a pixel is covered by what moves."""


class StreetSubject:
    """A run on a driving log.

    Args:
        street: what is shown.
        title: what to call it.
    """

    channels: tuple[str, ...]
    layers: tuple[str, ...] = get_args(Parts)
    version = 0

    def __init__(self, street: TrainedStreet, title: str) -> None:
        self.street, self.title = street, title
        self.folder: Path | None = street.folder.path
        self._lock = threading.Lock()
        drive = street.drive
        masks = () if street.capture.dynamic_masks is None else ("masks",)
        self.channels = (RENDER, DEPTH, ALPHA, MOVING, PHOTOGRAPH, ERROR, *masks)
        self.moments_s = tuple(drive.frame_times_s.tolist())
        self._ahead = camera_ahead(street.capture)
        means = street.scene.model.parameters["means"]
        self.extent: Extent = extent_of(means, street.capture.cameras, np.array([0.0, 0.0, 1.0]))
        self.paths: Mapping[str, Float[ndarray, "P 3"]] = {
            "vehicle": drive.world_from_ego[:, :3, 3].float().numpy()
        }
        self.views = _views(street)

    def show(self, street: TrainedStreet) -> None:
        """Show a later state of the same run: its Gaussians, its cameras, and what goes with them."""
        if street.capture.cameras is not self.street.capture.cameras:
            self.views = _views(street)
        self.street = street

    @property
    def count(self) -> int:
        """How many Gaussians there are, at all times together."""
        return len(self.street.scene.model)

    def photograph(self, view: int) -> UInt8[Tensor, "H W 3"] | None:
        """The image of a view."""
        with self._lock:  # readers of logs decode into state of their own
            return self.street.capture.images[view]

    def splats(self, wish: Wish) -> Splats:
        """The Gaussians at the time of a wish."""
        return wished(self.street.scene.splats(wish.time_s or 0.0, _part(wish.layer)), wish)

    def draw(self, camera: Cameras, wish: Wish) -> Picture:
        """What one camera sees at the time of a wish."""
        if wish.view is not None and wish.channel in AT_VIEWS:
            return scaled(self._of_log(wish, wish.view), *camera.size)
        seen = self._see(camera, wish)
        if wish.channel == DEPTH:
            return depth_picture(seen)
        if wish.channel == ALPHA:
            return alpha_picture(seen.alpha)
        if wish.channel == MOVING:
            return colorize(seen.moving, 0.0, 1.0)
        return picture(seen)

    def _see(self, camera: Cameras, wish: Wish) -> StreetView:
        time_s = wish.time_s or 0.0
        view = self._exposed_like(time_s) if wish.view is None else wish.view
        return self.street.scene.draw(
            camera,
            time_s,
            parts=_part(wish.layer),
            transform=self.street.transform_of(view),
            adjust=lambda splats: wished(splats, wish),
        )

    def _of_log(self, wish: Wish, view: int) -> Picture:
        """What needs a view's photograph, at the size of that."""
        photograph, masks = self._photograph(view), self.street.capture.dynamic_masks
        if wish.channel == ERROR:
            return error_picture(picture(self._see(self.views[view].camera, wish)), photograph)
        if wish.channel == "masks" and masks is not None:
            return tinted(photograph, masks[view].numpy())
        return photograph

    def _exposed_like(self, time_s: float) -> int:
        """The view whose exposure a camera that never was there takes: the one ahead, at about the time."""
        drive = self.street.drive
        rows = (drive.view_cameras == self._ahead).nonzero()[:, 0]
        return int(rows[torch.argmin((drive.view_times_s[rows] - time_s).abs())])

    def _photograph(self, view: int) -> Picture:
        photograph = self.photograph(view)
        assert photograph is not None  # of a log, every view has one
        return photograph.numpy()


def _views(street: TrainedStreet) -> tuple[KnownView, ...]:
    drive, trained = street.drive, set(street.split.train)
    return tuple(
        KnownView(
            name,
            street.capture.cameras[row],
            row in trained,
            float(drive.view_times_s[row]),
            drive.camera_names[int(drive.view_cameras[row])],
        )
        for row, name in enumerate(street.capture.image_names)
    )


def _part(layer: str) -> Parts:
    """The part of a street that a layer names; everything for one that it does not have."""
    return next((part for part in get_args(Parts) if part == layer), "all")
