"""The renderer in plain torch, on any device and in any floating dtype: the specification of every back-end.

Image formation (B. Kerbl et al., "3D Gaussian Splatting", 2023; Z. Yu et al., "Mip-Splatting", 2024):

* A mean m is at p = R m + t in the camera, and is seen when near < z < far. Its pixel is
  (fx x/z + cx, fy y/z + cy); pixel (i, j) has its centre at (j + 0.5, i + 0.5).
* The covariance on the image is J R S R^T J^T, J being the Jacobian of the projection at p; in J alone, x/z
  and y/z are clamped to the image and a margin of 0.3 of the half image to each side. `low_pass` px^2 is
  added to its diagonal.
* With `antialiased`, the opacity is multiplied by sqrt(max(2.5e-5, det before / det after the low pass)).
* A Gaussian reaches as far as opacity * exp(-q/2) >= 1/255: the box of half extents sqrt(q_cut * variances)
  with q_cut = 2 ln(255 opacity). It is invisible when that box holds no pixel centre of the image, or when
  q_cut <= 0.
* Its colour is max(0, spherical harmonics + 0.5) along the mean as seen from the camera centre -R^T t.
* A pixel goes through the Gaussians by depth, equal depths by index: alpha = min(0.999, opacity * exp(-q/2)),
  skipped below 1/255; where the transmittance T would fall to 1e-4 or less the pixel ends, without that
  Gaussian.

All of it is differentiable by autograd; decisions (culling, cut-offs, order) have no gradient of their own.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from gaussian_renderer.backends import ProjectedView, ViewSettings
from gaussian_renderer.backends.reference.compositing import rasterize
from gaussian_renderer.backends.reference.projection import Projection, project
from gaussian_renderer.backends.reference.statistics import transmittance_in_front
from scene.splats import Splats

__all__ = ["Projection", "project", "project_view", "rasterize"]


@dataclass(frozen=True)
class ReferenceView(ProjectedView):
    """Gaussians as one camera sees them, tensor by tensor."""

    projection: Projection
    settings: ViewSettings

    def rasterize(
        self,
        means2d: Float[Tensor, "N 2"],
        extras: Float[Tensor, "N E"] | None,
        background: Float[Tensor, "3"] | None,
        abs_gradients: Float[Tensor, "N 2"] | None,
    ) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
        """See `ProjectedView`."""
        _, conics, depths, radii, colors, opacities = self.projection
        gaussians = (means2d, conics, colors, opacities, depths, radii)
        size = (self.settings.width, self.settings.height)
        return rasterize(*gaussians, extras, background, *size, abs_gradients)

    def transmittance_in_front(self) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
        """See `ProjectedView`."""
        means2d, conics, depths, radii, _, opacities = self.projection
        size = (self.settings.width, self.settings.height)
        return transmittance_in_front(means2d, conics, opacities, depths, radii, *size)


def project_view(
    splats: Splats, viewmat: Float[Tensor, "4 4"], K: Float[Tensor, "3 3"], settings: ViewSettings
) -> ReferenceView:
    """Gaussians as one camera sees them."""
    gaussians = (splats.means, splats.quats, splats.scales, splats.opacities, splats.sh)
    size = (settings.width, settings.height)
    limits = (settings.near, settings.far, settings.low_pass)
    projection = project(
        *gaussians, viewmat, K, *size, settings.sh_degree, *limits, settings.antialiased, splats.raw
    )
    return ReferenceView(projection.means2d, projection.depths, projection.radii, projection, settings)
