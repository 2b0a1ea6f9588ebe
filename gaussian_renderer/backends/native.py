"""The kernels of `splat_kernels`, float32 on a CPU: they compute what the reference back-end defines."""

from dataclasses import dataclass

from jaxtyping import Float
from splat_kernels import depths_of, gaussian_statistics, project_to_records, radii_of, rasterize_records
from torch import Tensor

from gaussian_renderer.backends import ProjectedView, ViewSettings
from scene.splats import Splats


@dataclass(frozen=True)
class NativeView(ProjectedView):
    """Gaussians as records: rows as wide as a cache line, which pass between the kernels unopened."""

    records: Float[Tensor, "N 16"]
    settings: ViewSettings

    def rasterize(
        self,
        means2d: Float[Tensor, "N 2"],
        extras: Float[Tensor, "N E"] | None,
        background: Float[Tensor, "3"] | None,
        abs_gradients: Float[Tensor, "N 2"] | None,
    ) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
        """See `ProjectedView`."""
        return rasterize_records(
            means2d,
            self.records,
            self.settings.width,
            self.settings.height,
            extras=extras,
            background=background,
            abs_gradients=abs_gradients,
        )

    def transmittance_in_front(self) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
        """See `ProjectedView`."""
        sums, counts, _ = gaussian_statistics(
            self.records.detach(), self.settings.width, self.settings.height
        )
        return sums, counts


def project_view(
    splats: Splats, viewmat: Float[Tensor, "4 4"], K: Float[Tensor, "3 3"], settings: ViewSettings
) -> NativeView:
    """Gaussians as one camera sees them."""
    means2d, records = project_to_records(
        splats.means,
        splats.quats,
        splats.scales,
        splats.opacities,
        splats.sh,
        viewmat,
        K,
        settings.width,
        settings.height,
        sh_degree=settings.sh_degree,
        near=settings.near,
        far=settings.far,
        low_pass=settings.low_pass,
        antialiased=settings.antialiased,
        raw=splats.raw,
    )
    return NativeView(means2d, depths_of(records), radii_of(records), records, settings)
