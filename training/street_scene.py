"""A street as it is drawn: Gaussians at a time, the sky behind them, each camera's exposure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gaussian_renderer import RenderOutput, render
from scene.cameras import Cameras
from scene.capture import Capture
from scene.drive import Drive
from scene.gaussian_model import StaticGaussians
from scene.sky import Sky
from scene.splats import Splats
from scene.street_gaussians import LEAST_PRESENCE, StreetGaussians

Parts = Literal["all", "still", "moving"]
"""What of a street is drawn."""


@dataclass(frozen=True)
class StreetView:
    """What one camera sees of a street.

    Args:
        raw: colours, not clamped.
        depth: alpha-normalised z-depth in metres, 0 = none.
        moving: how much of the pixel is covered by what moves, in [0, 1].
        alpha: how much of it is covered by Gaussians, in [0, 1]; the sky is behind them.
    """

    raw: Float[Tensor, "H W 3"]
    depth: Float[Tensor, "H W"]
    moving: Float[Tensor, "H W"]
    alpha: Float[Tensor, "H W"]

    @property
    def image(self) -> Float[Tensor, "H W 3"]:
        """Colours in [0, 1]."""
        return self.raw.clamp(0, 1)


@dataclass(frozen=True)
class StreetScene:
    """What a street run has learned.

    Args:
        model: the Gaussians.
        sky: what is behind them; None is black.
        transforms: colour transforms of the views that trained, by the capture's row; None without exposure.
        cameras: the cameras of all the capture's views, if they were learned too.
        backend: who draws.
        antialiased: whether opacities make up for the low pass on the image, as in training.
        white: white, not black, behind everything, where there is no sky.
        offsets: how far single Gaussians are shifted after all, metres: an edit, of which the field knows
            nothing.
    """

    model: StreetGaussians
    sky: Sky | None
    transforms: Mapping[int, Float[Tensor, "3 4"]] | None
    cameras: Cameras | None = None
    backend: str = "auto"
    antialiased: bool = False
    white: bool = False
    offsets: Float[Tensor, "N 3"] | None = None

    @torch.no_grad()
    def draw(
        self,
        cameras: Cameras,
        time_s: float,
        *,
        parts: Parts = "all",
        transform: Float[Tensor, "3 4"] | None = None,
        adjust: Callable[[Splats], Splats] | None = None,
    ) -> StreetView:
        """What one camera sees at a time.

        Args:
            cameras: one.
            time_s: seconds since the first frame.
            parts: everything, what stands still, or what moves alone, on black.
            transform: of the colours; where parts are drawn on black, black stays black.
            adjust: what is done to the Gaussians before they are drawn, such as leaving some out.
        """
        splats = self.splats(time_s, parts, cameras)
        if adjust is not None:
            splats = adjust(splats)
        output = render(
            splats,
            cameras,
            background=torch.ones(3) if self.white and parts != "moving" else None,
            depth=True,
            antialiased=self.antialiased,
            backend=self.backend,
        )
        sky = None if parts == "moving" else self.sky
        image = before_sky(output, sky, cameras)
        if transform is not None:
            on_black = parts == "moving" or (parts == "still" and sky is None and not self.white)
            offset = output.alphas[0, ..., None] * transform[:, 3] if on_black else transform[:, 3]
            image = image @ transform[:, :3].T + offset
        assert output.depths is not None  # asked for
        assert output.features is not None  # the gates
        moving = output.features[0, ..., 0].clamp(0, 1)
        return StreetView(image, output.depths[0], moving, output.alphas[0])

    @torch.no_grad()
    def splats(self, time_s: float, parts: Parts = "all", cameras: Cameras | None = None) -> Splats:
        """The Gaussians of a part of the street at a time, with their gates as a feature.

        Args:
            time_s: seconds since the first frame.
            parts: everything, what stands still, or what moves alone.
            cameras: one, for whose image alone they are meant, as `StreetGaussians.moment` takes it.
        """
        splats = self._splats(None if parts == "still" else time_s, gates=True, cameras=cameras)
        return splats.select(self.model.movable()) if parts == "moving" else splats

    @torch.no_grad()
    def save_ply(self, path: Path, time_s: float) -> None:
        """Write the Gaussians that are there at a time, in Inria's layout.

        Raises:
            UserError: the file cannot be written.
        """
        there = self.model.presence(time_s) > LEAST_PRESENCE
        StaticGaussians.from_splats(self._splats(time_s).select(there)).save_ply(path)

    def _splats(self, time_s: float | None, *, gates: bool = False, cameras: Cameras | None = None) -> Splats:
        """The Gaussians at a time, or without one what stands still, where the edit puts them.

        An edit may put into a camera's view what is not there by itself: all is asked of the field then.
        """
        if self.offsets is None:
            return self.model.moment(time_s, gates=gates, cameras=cameras).splats
        splats = self.model.moment(time_s, gates=gates).splats
        return replace(splats, means=splats.means + self.offsets)

    def placed(self, capture: Capture) -> Capture:
        """A capture with its cameras where they are after all."""
        return capture if self.cameras is None else replace(capture, cameras=self.cameras)

    def transform_of(self, view: int, drive: Drive) -> Float[Tensor, "3 4"] | None:
        """The colour transform of a view; one that did not train is between its camera's nearest in time."""
        if self.transforms is None or view in self.transforms:
            return None if self.transforms is None else self.transforms[view]
        same = [row for row in self.transforms if drive.view_cameras[row] == drive.view_cameras[view]]
        if not same:
            return None
        gaps = (drive.view_times_s[same] - drive.view_times_s[view]).abs().clamp(min=1e-6)
        gaps, nearest = gaps.topk(min(2, len(same)), largest=False)
        shares = (1 / gaps) / (1 / gaps).sum()
        pair = torch.stack([self.transforms[same[row]] for row in nearest.tolist()])
        return (pair * shares.to(pair)[:, None, None]).sum(0)


def before_sky(output: RenderOutput, sky: Sky | None, cameras: Cameras) -> Float[Tensor, "H W 3"]:
    """One camera's image with the sky where the Gaussians let it through."""
    image = output.images.squeeze(0)  # not [0], whose gradient is a copy
    if sky is None:
        return image
    return image + (1 - output.alphas.squeeze(0)[..., None]) * sky.seen(cameras)
