"""Small frames and videos in which something moves, for tests of what learns from them."""

from pathlib import Path

import torch

from scene.cameras import Cameras
from scene.capture import Capture
from scene.motion_pairs import MotionView


def moving_view(width: int, height: int, seed: int = 0) -> MotionView:
    """A frame of noise with a principal point off the middle; its left third moves."""
    random = torch.Generator().manual_seed(seed)
    dynamic = torch.zeros(height, width, dtype=torch.bool)
    dynamic[:, : width // 3] = True
    return MotionView(
        torch.randint(256, (height, width, 3), generator=random, dtype=torch.uint8),
        torch.tensor([[30.0, 0, width / 2 + 0.6], [0, 28.0, height / 2 - 0.4], [0, 0, 1]]),
        2 + 4 * torch.rand(height, width, generator=random),
        dynamic,
        torch.rand(height, width, generator=random) > 0.1,
    )


def moving_capture(
    frames: int, name: str = "moving", width: int = 64, height: int = 48, seed: int = 0
) -> Capture:
    """A bright square that crosses a textured wall, before a camera that slides to the right."""
    random = torch.Generator().manual_seed(seed)
    wall = torch.randint(60, 120, (height // 4, width // 4 + frames, 3), generator=random, dtype=torch.uint8)
    wall = wall.repeat_interleave(4, 0).repeat_interleave(4, 1)
    start = int(torch.randint(4, height - 20, (1,), generator=random))
    images, masks, inverse_depths = [], [], []
    viewmats = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    for frame in range(frames):
        image = wall[:, 2 * frame : 2 * frame + width].clone()
        mask = torch.zeros(height, width, dtype=torch.bool)
        left = (6 + 5 * frame) % (width - 16)
        mask[start : start + 16, left : left + 16] = True
        image[mask] = torch.tensor([230, 40, 40], dtype=torch.uint8)
        depth = torch.full((height, width), 6.0)
        depth[mask] = 3.0
        viewmats[frame, 0, 3] = -0.3 * frame
        images.append(image)
        masks.append(mask)
        inverse_depths.append(1 / depth)
    K = torch.tensor([[40.0, 0, width / 2], [0, 40.0, height / 2], [0, 0, 1]], dtype=torch.float64)
    cameras = Cameras(
        viewmats, K.repeat(frames, 1, 1), torch.full((frames,), width), torch.full((frames,), height)
    )
    return Capture(
        name,
        Path(name),
        cameras,
        tuple(f"{frame:05d}.png" for frame in range(frames)),
        images,
        dynamic_masks=masks,
        inverse_depths=inverse_depths,
    )
