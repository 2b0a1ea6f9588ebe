"""Which places a camera may see."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from scene.cameras import Cameras

_BEYOND_PX = 8.0
"""Beyond the edge of the image; the renderer's low pass widens what lies there by less."""


def in_view(xyz: Float[Tensor, "M 3"], radii: Float[Tensor, " M"], cameras: Cameras) -> Bool[Tensor, " M"]:
    """Whether balls reach into what one camera sees, or a little beyond its edges, however far away.

    Args:
        xyz: centres, world units.
        radii: world units.
        cameras: one.
    """
    width, height = cameras.size
    viewmat, (u, v, z) = cameras.viewmats[0].detach(), cameras.Ks[0]
    # A pixel is u.x / z.x, so each edge of the image is a plane through the camera; and it looks one way.
    left, right = u + _BEYOND_PX * z, (width + _BEYOND_PX) * z - u
    upper, lower = v + _BEYOND_PX * z, (height + _BEYOND_PX) * z - v
    normals = F.normalize(torch.stack([left, right, upper, lower, z]), dim=1)
    distances = torch.addmm(normals @ viewmat[:3, 3], xyz.detach(), (normals @ viewmat[:3, :3]).T)
    return (distances > -radii[:, None]).all(dim=1)
