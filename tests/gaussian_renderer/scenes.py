"""Scenes to draw in tests."""

import numpy as np
import torch
from torch import Tensor

from scene import Cameras, Splats
from tests import oracles


def one_camera(width: int = 24, height: int = 20, dtype: torch.dtype = torch.float64) -> Cameras:
    """Four metres from the origin, turned a little, its principal point off the centre."""
    viewmat = torch.tensor(
        [[0.96, 0.0, 0.28, 0.1], [0.0, 1.0, 0.0, -0.2], [-0.28, 0.0, 0.96, 4.0], [0.0, 0.0, 0.0, 1.0]],
        dtype=dtype,
    )
    focal = 1.1 * max(width, height)
    K = [[focal, 0.0, 0.52 * width], [0.0, 0.95 * focal, 0.47 * height], [0.0, 0.0, 1.0]]
    return Cameras(
        viewmat[None], torch.tensor([K], dtype=dtype), torch.tensor([width]), torch.tensor([height])
    )


def crowd(
    count: int,
    *,
    seed: int = 0,
    spread: float = 1.2,
    size: float = 0.15,
    degree: int = 3,
    dtype: torch.dtype = torch.float64,
) -> Splats:
    """Raw Gaussians around the origin, of every opacity; some off the image, some behind the camera."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    means = spread * normal(count, 3)
    means[::7] *= 4
    sh = 0.3 * normal(count, (degree + 1) ** 2, 3)
    parts = (means, normal(count, 4), np.log(size) + 0.6 * normal(count, 3), 3 * normal(count), sh)
    return Splats(*(part.to(dtype) for part in parts), raw=True)


def with_gradients(splats: Splats) -> tuple[Splats, dict[str, Tensor]]:
    """The same Gaussians with leaves that collect gradients, and those leaves by name."""
    leaves = {
        name: getattr(splats, name).detach().clone().requires_grad_()
        for name in ("means", "quats", "scales", "opacities", "sh", "features")
        if getattr(splats, name) is not None
    }
    return Splats(**leaves, raw=splats.raw, sh_degree=splats.sh_degree), leaves


def oracle_camera(cameras: Cameras, **options: float | bool) -> oracles.Camera:
    """The only camera of a batch, as the oracle takes it."""
    width, height = cameras.size
    return oracles.Camera(
        cameras.viewmats[0].double().numpy(), cameras.Ks[0].double().numpy(), width, height, **options
    )


def oracle_ellipses(splats: Splats, camera: oracles.Camera) -> list[oracles.Ellipse | None]:
    """What the oracle says `camera` sees."""
    splats = splats.activated()
    count = (splats.sh_degree + 1) ** 2
    parts = (splats.means, splats.quats, splats.scales, splats.opacities, splats.sh[:, :count])
    rows = zip(*(part.detach().double().numpy() for part in parts), strict=True)
    return [oracles.project_gaussian(*row, camera) for row in rows]
