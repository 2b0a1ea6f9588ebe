"""Blur by the camera's own motion while the shutter is open, as part of how an image is formed."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from dynamic_predictor.ego_motion import ego_flow
from scene.capture import Capture
from scene.depth_points import fill_holes

_REDUCTION = 4  # velocities are smooth and kept at a quarter of the size
_STEP_PX = 1.5  # between two samples along a pixel's path
_MOST_SAMPLES = 9
_SHARP_PX = 0.5  # paths shorter than this are not worth blurring
_TRIED = (-0.2, -0.1, 0.0, 0.1, 0.2)


class MotionBlur:
    """Images blurred along the paths that the camera's motion draws.

    During the exposure each pixel sees what passes by: the mean of the sharp image along the pixel's path.
    The path is straight and as long as the image moves from one frame to the next, times the share of that
    time during which the shutter is open. That share, the `shutter`, is one number for the whole video; it is
    searched for as the training goes on. The mean is exact where neighbouring pixels move alike.

    Args:
        capture: the frames in the order of time, with inverse depths if there are any.
        depth: what stands in for a depth that is not known, in world units.

    Source: P. Wang et al., "BAD-NeRF: Bundle Adjusted Deblur Neural Radiance Fields", 2023, eq. 4, with image
    motion in place of poses inside the exposure.
    """

    def __init__(self, capture: Capture, depth: float) -> None:
        self.shutter = 0.0
        self.depth = depth
        self._velocities = [_velocity(capture, row, depth) for row in range(len(capture))]

    def speed_px(self, row: int) -> float:
        """Mean image motion of a frame, in pixels of the frame per frame."""
        return float(self._velocities[row].norm(dim=-1).mean()) * _REDUCTION

    def to_json(self) -> dict[str, float]:
        """The shutter, and the depth that stands in for unknown ones: all that the capture does not tell."""
        return {"shutter": self.shutter, "depth": self.depth}

    def apply(
        self, image: Float[Tensor, "H W 3"], row: int, shutter: float | None = None
    ) -> Float[Tensor, "H W 3"]:
        """The image as the moving camera records it.

        Args:
            image: sharp; of any size, the paths scale with it.
            row: of the capture.
            shutter: instead of the one that was found.
        """
        share = self.shutter if shutter is None else shutter
        height, width = image.shape[:2]
        velocity = self._velocities[row].to(image)
        longest = share * float(velocity.norm(dim=-1).max()) * (width / velocity.shape[1])
        if longest < _SHARP_PX:
            return image
        samples = min(_MOST_SAMPLES, 1 + 2 * math.ceil(longest / _STEP_PX / 2))
        planes = F.interpolate(velocity.permute(2, 0, 1)[None], (height, width), mode="bilinear")[0]
        # grid_sample takes -1 and 1 for the outer edges of the image.
        path = torch.stack([planes[0] * (2 / velocity.shape[1]), planes[1] * (2 / velocity.shape[0])], dim=-1)
        x = (torch.arange(width).to(image) + 0.5) * (2 / width) - 1
        y = (torch.arange(height).to(image) + 0.5) * (2 / height) - 1
        start = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        times = torch.linspace(-0.5, 0.5, samples).to(image) * share
        grid = (start + times[:, None, None, None] * path).reshape(1, samples * height, width, 2)
        seen = F.grid_sample(image.permute(2, 0, 1)[None], grid, padding_mode="border", align_corners=False)
        return seen[0].reshape(3, samples, height, width).mean(1).permute(1, 2, 0)

    @torch.no_grad()
    def search(
        self,
        rows: Sequence[int],
        sharp: Sequence[Float[Tensor, "H W 3"]],
        truth: Sequence[Float[Tensor, "H W 3"]],
        weights: Sequence[Float[Tensor, "H W"]],
    ) -> None:
        """Move the shutter to where it explains some frames best, a little at a time.

        Args:
            rows: of the capture.
            sharp: those frames as they are rendered.
            truth: as they were photographed.
            weights: of their pixels.
        """
        tried = sorted({round(min(1.0, max(0.0, self.shutter + change)), 2) for change in _TRIED})
        errors = []
        for shutter in tried:
            total = torch.zeros(())
            for row, image, photograph, weight in zip(rows, sharp, truth, weights, strict=True):
                difference = (self.apply(image, row, shutter) - photograph).square().mean(-1)
                total = total + (difference * weight).sum() / weight.sum().clamp(min=1)
            errors.append(float(total))
        self.shutter = tried[min(range(len(tried)), key=errors.__getitem__)]


def _velocity(capture: Capture, row: int, depth: float) -> Float[Tensor, "h w 2"]:
    """Image motion of a still scene in reduced pixels per frame, the mean of the last and of the next one."""
    camera = capture.cameras[row]
    height, width = (max(1, int(size) // _REDUCTION) for size in (camera.height[0], camera.width[0]))
    inverse = None if capture.inverse_depths is None else capture.inverse_depths[row]
    if inverse is not None and capture.dynamic_masks is not None:
        inverse = inverse * ~capture.dynamic_masks[row]
    depths = torch.full((height, width), depth)
    if inverse is not None and bool((inverse > 0).any()):
        small = fill_holes(F.interpolate(inverse[None, None], (height, width), mode="nearest")[0, 0])
        depths = torch.where(small > 0, 1 / small.clamp(min=1e-12), depth)
    cameras = capture.cameras.resized(
        torch.full_like(capture.cameras.width, width), torch.full_like(capture.cameras.height, height)
    )
    flows = []
    for other, sign in ((row + 1, 1.0), (row - 1, -1.0)):
        if 0 <= other < len(capture):
            flows.append(sign * ego_flow(depths, cameras[row], cameras[other]).nan_to_num(0.0))
    return torch.stack(flows).mean(0) if flows else torch.zeros(height, width, 2)
