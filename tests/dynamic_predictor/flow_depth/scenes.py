"""A scene at rest whose depth and flow are known exactly: a slanted plane."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dynamic_predictor.ego_motion import ego_flow, pixel_centers
from scene.cameras import Cameras

WIDTH, HEIGHT, FOCAL = 64, 48, 60.0


def cameras(count: int, step: tuple[float, float, float], turn: float = 0.0) -> Cameras:
    """Cameras that go on by `step` from frame to frame and turn by `turn` radians about y."""
    c2w = torch.eye(4).repeat(count, 1, 1)
    for row in range(count):
        cosine, sine = math.cos(turn * row), math.sin(turn * row)
        c2w[row, :3, :3] = torch.tensor([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        c2w[row, :3, 3] = row * torch.tensor(step)
    K = torch.tensor([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]])
    sizes = torch.full((count,), WIDTH), torch.full((count,), HEIGHT)
    return Cameras(torch.linalg.inv(c2w), K.repeat(count, 1, 1), *sizes)


def slanted_plane(view: Cameras) -> Tensor:
    """z-depths [H, W] of the world's plane z = 5 + x / 4."""
    normal, offset = torch.tensor([-0.25, 0.0, 1.0]), 5.0
    c2w = view.c2w[0]
    pixels = torch.nn.functional.pad(pixel_centers((WIDTH, HEIGHT), c2w), (0, 1), value=1.0)
    rays = pixels @ torch.linalg.inv(view.Ks[0]).mT @ c2w[:3, :3].mT
    return (offset - c2w[:3, 3] @ normal) / (rays @ normal)


def numbered(count: int) -> list[Tensor]:
    """Frames that carry their number in every pixel, for a flow that is known without looking."""
    return [torch.full((HEIGHT, WIDTH, 3), number, dtype=torch.uint8) for number in range(count)]


@dataclass
class ExactFlow:
    """The flow of a scene at rest between numbered frames, as the cameras say."""

    cameras: Cameras
    depth: Callable[[Cameras], Tensor] = slanted_plane
    noise_px: float = 0.0
    calls: int = 0

    def __call__(self, source: Tensor, target: Tensor, initial: Tensor | None = None) -> Tensor:
        first, second = int(source[0, 0, 0]), int(target[0, 0, 0])
        self.calls += 1
        flow = ego_flow(self.depth(self.cameras[first]), self.cameras[first], self.cameras[second])
        random = torch.Generator().manual_seed(100 * first + second)
        return flow + self.noise_px * torch.randn(flow.shape, generator=random)
