"""Tiny captures drawn from known Gaussians, in memory and as a folder that train.py reads."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path

import torch

from core import ply
from core.geometry import look_at
from core.images import write_png
from gaussian_renderer import render
from scene import Cameras, Capture, PointCloud, Splats

WIDTH, HEIGHT = 32, 24


def ring(count: int) -> Cameras:
    """Cameras around the origin at a distance of 4."""
    angles = torch.arange(count) * (2 * torch.pi / count)
    eyes = torch.stack([4 * angles.cos(), torch.full((count,), -0.8), 4 * angles.sin()], dim=1)
    c2w = look_at(eyes, torch.zeros(count, 3), torch.tensor([0.0, -1.0, 0.0]).expand(count, 3))
    K = torch.tensor([[34.0, 0.0, WIDTH / 2], [0.0, 34.0, HEIGHT / 2], [0.0, 0.0, 1.0]])
    return Cameras(
        torch.linalg.inv(c2w),
        K.repeat(count, 1, 1),
        torch.full((count,), WIDTH),
        torch.full((count,), HEIGHT),
    )


def truth(count: int = 24) -> Splats:
    """Opaque coloured blobs around the origin."""
    random = torch.Generator().manual_seed(11)
    sh = torch.zeros(count, 1, 3)
    sh[:, 0] = 1.5 * torch.rand(count, 3, generator=random) - 0.2
    return Splats(
        means=1.4 * torch.rand(count, 3, generator=random) - 0.7,
        quats=torch.randn(count, 4, generator=random),
        scales=0.1 + 0.15 * torch.rand(count, 3, generator=random),
        opacities=0.5 + 0.45 * torch.rand(count, generator=random),
        sh=sh,
    )


def tiny_capture(views: int = 6, *, depths: bool = False, masks: bool = False) -> Capture:
    """Views of `truth`, and its centres, a little off, as points. Drawn once, yours to change."""
    return deepcopy(_drawn(views, depths=depths, masks=masks))


@cache
def _drawn(views: int, *, depths: bool, masks: bool) -> Capture:
    cameras, splats = ring(views), truth()
    random = torch.Generator().manual_seed(12)
    with torch.no_grad():
        drawn = render(splats, cameras, inverse_depth=True, backend="reference")
    images = (drawn.images.clamp(0, 1) * 255).round().to(torch.uint8)
    inverse_depths = None
    if depths and drawn.inverse_depths is not None:
        # One view has no prior, and of the others some pixels have none.
        inverse_depths = [
            None,
            *(torch.where(drawn.alphas[v] > 0.5, drawn.inverse_depths[v], 0) for v in range(1, views)),
        ]
    rgb = (255 * torch.rand(len(splats), 3, generator=random)).to(torch.uint8)
    return Capture(
        name="blobs",
        source=None,
        cameras=cameras,
        image_names=tuple(f"{view:03d}.png" for view in range(views)),
        images=list(images),
        points=PointCloud(splats.means + 0.05 * torch.randn(len(splats), 3, generator=random), rgb),
        valid_masks=[torch.ones(HEIGHT, WIDTH, dtype=torch.bool) for _ in range(views)] if masks else None,
        inverse_depths=inverse_depths,
    )


def write_capture(folder: Path, capture: Capture) -> Path:
    """A transforms.json with images and points; returns the folder."""
    frames = []
    for view, name in enumerate(capture.image_names):
        write_png(folder / "images" / name, capture.images[view].numpy())
        c2w = capture.cameras.c2w[view].clone()
        c2w[:3, 1:3] *= -1  # OpenGL axes: y up, z back
        frames.append({"file_path": f"images/{name}", "transform_matrix": c2w.tolist()})
    K = capture.cameras.Ks[0]
    assert capture.points is not None
    points = ply.PointArrays(capture.points.xyz.numpy(), capture.points.rgb.numpy())
    ply.write_points_ply(folder / "points.ply", points)
    identity = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    description = {
        "w": WIDTH,
        "h": HEIGHT,
        "fl_x": float(K[0, 0]),
        "fl_y": float(K[1, 1]),
        "cx": float(K[0, 2]),
        "cy": float(K[1, 2]),
        "ply_file_path": "points.ply",
        "applied_transform": identity,
        "frames": frames,
    }
    (folder / "transforms.json").write_text(json.dumps(description), encoding="utf-8")
    return folder
