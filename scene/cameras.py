"""Pinhole cameras in OpenCV axes: x right, y down, z forward; pixel centres at +0.5."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Cameras:
    """C cameras. Sizes may differ from camera to camera; a renderer takes cameras of one size per call.

    Args:
        viewmats: camera-from-world transforms.
        Ks: intrinsics in pixels of an image of `width` x `height`.
        width: image widths in pixels, on the CPU whatever the device of the rest.
        height: image heights in pixels, on the CPU.
    """

    viewmats: Float[Tensor, "C 4 4"]
    Ks: Float[Tensor, "C 3 3"]
    width: Int[Tensor, " C"]
    height: Int[Tensor, " C"]

    def __len__(self) -> int:
        return self.viewmats.shape[0]

    def __getitem__(self, index: int | slice | list[int] | tuple[int, ...] | Tensor) -> "Cameras":
        """The chosen cameras, always as a batch: an integer gives a batch of one."""
        if isinstance(index, int):
            index = [index]
        rows = torch.arange(len(self))[list(index) if isinstance(index, tuple) else index]
        moved = rows.to(self.viewmats.device)
        return Cameras(self.viewmats[moved], self.Ks[moved], self.width[rows], self.height[rows])

    @property
    def c2w(self) -> Float[Tensor, "C 4 4"]:
        """World-from-camera transforms."""
        rotation = self.viewmats[:, :3, :3].transpose(1, 2)
        c2w = torch.zeros_like(self.viewmats)
        c2w[:, :3, :3] = rotation
        c2w[:, :3, 3] = -(rotation @ self.viewmats[:, :3, 3:])[..., 0]
        c2w[:, 3, 3] = 1
        return c2w

    @property
    def centers(self) -> Float[Tensor, "C 3"]:
        """Camera centres in the world."""
        return self.c2w[:, :3, 3]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) shared by all cameras.

        Raises:
            ValueError: there is no camera, or their sizes differ.
        """
        sizes = set(zip(self.width.tolist(), self.height.tolist(), strict=True))
        if len(sizes) != 1:
            raise ValueError(
                f"cameras of one size were expected, got sizes {sorted(sizes)}: pick one with `cameras[rows]`"
            )
        return sizes.pop()

    def resized(self, width: Int[Tensor, " C"], height: Int[Tensor, " C"]) -> "Cameras":
        """The same views on images of another size; intrinsics follow, each axis by its own factor."""
        factors = torch.ones_like(self.Ks)
        factors[:, 0] = (width / self.width).to(self.Ks)[:, None]
        factors[:, 1] = (height / self.height).to(self.Ks)[:, None]
        return Cameras(self.viewmats, self.Ks * factors, width, height)

    def to(self, device: torch.device | str) -> "Cameras":
        """The cameras with matrices on `device`; sizes stay on the CPU."""
        return replace(self, viewmats=self.viewmats.to(device), Ks=self.Ks.to(device))
