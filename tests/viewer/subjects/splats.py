"""The simplest subject: Gaussians before a few cameras, nothing else."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.images import to_uint8
from gaussian_renderer import render
from scene.cameras import Cameras
from scene.splats import Splats
from viewer.subject import ALPHA, PHOTOGRAPH, RENDER, KnownView, Picture, Wish
from viewer.subjects.drawing import alpha_picture, extent_of, wished


class SplatSubject:
    """Shows Gaussians; photographs are red."""

    channels = (RENDER, ALPHA, PHOTOGRAPH)
    layers: tuple[str, ...] = ()
    moments_s: tuple[float, ...] = ()

    def __init__(
        self, splats: Splats, cameras: Cameras, title: str = "splats", folder: Path | None = None
    ) -> None:
        self.title, self.folder = title, folder
        self.version, self.drawn = 0, 0
        self.broken: str | None = None
        self.splats_now = splats
        self.views = tuple(KnownView(f"{row}.png", cameras[row]) for row in range(len(cameras)))
        self.extent = extent_of(splats.means, cameras)
        self.paths: Mapping[str, Float[ndarray, "P 3"]] = {}

    @property
    def count(self) -> int:
        return len(self.splats_now)

    def photograph(self, view: int) -> UInt8[Tensor, "H W 3"] | None:
        width, height = self.views[view].camera.size
        red = torch.zeros(height, width, 3, dtype=torch.uint8)
        red[..., 0] = 255
        return red

    def splats(self, wish: Wish) -> Splats:
        return wished(self.splats_now, wish)

    def draw(self, camera: Cameras, wish: Wish) -> Picture:
        self.drawn += 1
        if self.broken is not None:
            raise UserError(self.broken)
        if wish.view is not None and wish.channel == PHOTOGRAPH:
            width, height = camera.size
            picture = torch.zeros(height, width, 3, dtype=torch.uint8)
            picture[..., 0] = 255
            return picture.numpy()
        output = render(self.splats(wish), camera)
        return (
            alpha_picture(output.alphas[0]) if wish.channel == ALPHA else to_uint8(output.images[0]).numpy()
        )
