"""Runs of the static and the dynamic method: Gaussians that stand still, before the views of a capture."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.colormaps import colorize_depth, depth_range
from core.images import to_uint8
from gaussian_renderer import render
from gaussian_renderer.views import ImageFormation, draw
from scene.cameras import Cameras
from scene.splats import Splats
from training.dynamic import DynamicConfig
from training.runs import TrainedRun
from training.showreel import tinted
from viewer.eyes import fitted, scaled
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
from viewer.subjects.drawing import (
    alpha_picture,
    error_picture,
    extent_of,
    staticness_picture,
    wished,
)

_REMEMBERED = 4  # wishes whose Gaussians are kept: as many as there are usually people who look
_RANGE_VIEWS, _RANGE_PX = 3, 160  # of which depth's range of colours is taken


class TrainedSubject:
    """A run of the static or the dynamic method.

    Args:
        run: what is shown.
        title: what to call it.
        backend: who draws.
    """

    layers: tuple[str, ...] = ()
    moments_s: tuple[float, ...] = ()
    version = 0

    def __init__(self, run: TrainedRun, title: str, backend: str = "auto") -> None:
        self.run, self.title = run, title
        self.folder: Path | None = run.folder.path
        self._formation = ImageFormation(run.background, run.antialiased, backend)
        self._wished = lru_cache(_REMEMBERED)(self._make_wished)
        self._lock = threading.Lock()
        self.extent: Extent = extent_of(run.splats.means, run.capture.cameras)
        self.paths = _paths(run)
        self.views = _views(run)

    def show(self, run: TrainedRun) -> None:
        """Show a later state of the same run: its Gaussians, its cameras, and what goes with them."""
        if run.capture.cameras is not self.run.capture.cameras:
            self.views = _views(run)
        self.run = run
        self._wished.cache_clear()

    @property
    def channels(self) -> tuple[str, ...]:
        """What may be drawn."""
        capture = self.run.capture
        masks = () if capture.dynamic_masks is None else ("masks",)
        staticness = () if capture.dynamic_probabilities is None else ("staticness",)
        return (RENDER, DEPTH, ALPHA, PHOTOGRAPH, ERROR, *masks, *staticness)

    @property
    def count(self) -> int:
        """How many Gaussians there are."""
        return len(self.run.splats)

    def photograph(self, view: int) -> UInt8[Tensor, "H W 3"] | None:
        """The image of a view, as it was trained on."""
        with self._lock:  # readers of images decode into state of their own
            return self.run.capture.images[view]

    def splats(self, wish: Wish) -> Splats:
        """The Gaussians of a wish."""
        return self._wished(wish.scale, wish.sh_degree, wish.crop)

    def draw(self, camera: Cameras, wish: Wish) -> Picture:
        """What one camera sees."""
        if wish.view is not None and wish.channel in AT_VIEWS:
            is_error = wish.channel == ERROR
            whole = self._error(wish, wish.view) if is_error else self._of_capture(wish.channel, wish.view)
            return scaled(whole, *camera.size)
        output = render(
            self.splats(wish),
            camera,
            background=self._formation.background,
            depth=wish.channel == DEPTH,
            antialiased=self._formation.antialiased,
            backend=self._formation.backend,
        )
        if output.depths is not None:
            covered = torch.where(output.alphas[0] >= 0.5, output.depths[0], 0)
            return colorize_depth(covered, *self._depth_range)
        if wish.channel == ALPHA:
            return alpha_picture(output.alphas[0])
        develop = self.run.mean_exposure() if wish.view is None else self.run.develop([wish.view], sharp=True)
        image = output.images[0] if develop is None else develop(output.images[0], 0)
        return to_uint8(image).cpu().numpy()

    def _of_capture(self, channel: str, view: int) -> Picture:
        """What the capture knows of a view: its photograph, or what moves in it."""
        capture = self.run.capture
        if channel == "staticness" and capture.dynamic_probabilities is not None:
            return staticness_picture(capture.dynamic_probabilities[view])
        photograph = self.photograph(view)
        assert photograph is not None  # of a capture, every view has one
        if channel == "masks" and capture.dynamic_masks is not None:
            return tinted(photograph.numpy(), capture.dynamic_masks[view].numpy())
        return photograph.numpy()

    def _error(self, wish: Wish, view: int) -> Picture:
        """At the size of the photograph, as scores see it: with the exposure and the blur of the view."""
        splats, camera = self.splats(wish), self.views[view].camera
        drawn = next(draw(splats, camera, self._formation, develop=self.run.develop([view])))
        return error_picture(drawn.image, self._of_capture(PHOTOGRAPH, view))

    @cached_property
    def _depth_range(self) -> tuple[float, float]:
        """(near, far) of a few views: one range of colours for all pictures."""
        rows = [len(self.views) * step // _RANGE_VIEWS for step in range(_RANGE_VIEWS)]
        small = (fitted(self.views[row].camera, _RANGE_PX, _RANGE_PX) for row in rows if self.views)
        views = [next(draw(self.run.splats, camera, self._formation, depth=True)) for camera in small]
        depths = [view.depth for view in views if view.depth is not None]
        return depth_range(*depths) if depths else (0.1 * self.extent.size, self.extent.size)

    def _make_wished(
        self,
        scale: float,
        sh_degree: int,
        crop: tuple[tuple[float, float, float], tuple[float, float, float]] | None,
    ) -> Splats:
        return wished(self.run.splats, replace(Wish(), scale=scale, sh_degree=sh_degree, crop=crop))


def _views(run: TrainedRun) -> tuple[KnownView, ...]:
    cameras, times, trained = run.capture.cameras, run.capture.times, set(run.split.train)
    return tuple(
        KnownView(name, cameras[row], row in trained, None if times is None else float(times[row]))
        for row, name in enumerate(run.capture.image_names)
    )


def _paths(run: TrainedRun) -> Mapping[str, Float[ndarray, "P 3"]]:
    """Of a video: the path of its camera as it was recovered, and as it was predicted at first."""
    if not isinstance(run.config, DynamicConfig):
        return {}
    recovered, predicted = run.capture.cameras.centers, run.predicted.centers
    paths = {"recovered": recovered.cpu().numpy()}
    return paths if torch.equal(recovered, predicted) else {**paths, "predicted": predicted.cpu().numpy()}
