"""Where an image is not supported by the views that trained: maps of uncertainty, of several kinds.

A map is in [0, 1], 1 = unsupported. `visibility` is the mask of ExtraNeRF and ExploreGS: a Gaussian counts
as far as its second-best training camera sees it without obstruction; two views must see a thing for it to be
known. The others are cheaper or ask another question; each function says which.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.randomness import generator
from gaussian_renderer.rendering import RenderOutput, mean_transmittance, render
from gaussian_renderer.views import ImageFormation
from scene.cameras import Cameras
from scene.splats import Splats

MaskKind = Literal["visibility", "fraction", "scale", "view_direction", "fisher"]

THRESHOLD = 0.5
"""Above this uncertainty a pixel counts as unsupported."""

_FILTER_BACKGROUND, _FILTER_LIMIT = 10.0, 9.0  # what shows through where nothing is drawn, and how much of it
_FISHER_LOW, _FISHER_HIGH = -3.0, 6.0  # of the logarithm

Uncertainty: TypeAlias = Callable[[Cameras], Float[Tensor, "H W"]]
"""The map of one camera."""


@dataclass(frozen=True)
class Evidence:
    """What masks are made from.

    Args:
        splats: N Gaussians.
        cameras: those that trained, K of any sizes, on the device of the Gaussians.
        formation: how the Gaussians are drawn.
    """

    splats: Splats
    cameras: Cameras
    formation: ImageFormation = ImageFormation()


def make_mask(kind: MaskKind, evidence: Evidence, *, background_filter: bool = False) -> Uncertainty:
    """What draws the maps of a kind; all that does not depend on the camera is computed now.

    Args:
        kind: which.
        evidence: the Gaussians and the training cameras.
        background_filter: pixels through which the background shows are unsupported, whatever the kind says:
            an empty sky, say.

    Raises:
        ValueError: `visibility` is asked of fewer than two training cameras.
    """
    mask = _KINDS[kind](evidence)
    if not background_filter:
        return mask
    return lambda camera: torch.where(_shows_background(evidence, camera), 1, mask(camera))


@torch.no_grad()
def second_highest_transmittance(evidence: Evidence) -> Float[Tensor, " N"]:
    """How unobstructed the second-best training camera sees each Gaussian, in [0, 1]; 0 where no second does.

    Raises:
        ValueError: there are fewer than two training cameras.
    """
    if len(evidence.cameras) < 2:
        raise ValueError(f"two training cameras or more were expected, got {len(evidence.cameras)}")
    best = second = torch.zeros_like(evidence.splats.opacities)
    for value, _ in _sights(evidence):
        second = torch.maximum(second, torch.minimum(best, value))
        best = torch.maximum(best, value)
    return second


def _visibility(evidence: Evidence) -> Uncertainty:
    """The second-highest mean transmittance as a colour on black; support is the norm of its three channels.

    Three equal channels make the norm sqrt(3) times the value: that is how the published masks are.
    """
    values = second_highest_transmittance(evidence)
    return lambda camera: 1 - (math.sqrt(3) * _blended(evidence, values, camera)).clamp(0, 1)


def _fraction(evidence: Evidence) -> Uncertainty:
    """The share of the training cameras that have a Gaussian in their image, obstructed or not."""
    counts = torch.zeros_like(evidence.splats.opacities)
    for _, seen in _sights(evidence):
        counts += seen
    values = counts / max(1, len(evidence.cameras))
    return lambda camera: 1 - _blended(evidence, values, camera).clamp(0, 1)


def _scale(evidence: Evidence) -> Uncertainty:
    """How large the Gaussians of a pixel are: large ones fill what no view has shown in detail.

    The cube root of the product of the blended standard deviations, between the 1st and 99th percentiles of
    that of the Gaussians, so that all views share a range.
    """
    scales = evidence.splats.activated().scales.detach()
    sizes = scales.log().mean(-1).exp()
    # kthvalue, as quantile refuses more than 16 million numbers.
    ranks = (1 + round(share * (len(sizes) - 1)) for share in (0.01, 0.99))
    low, high = (float(sizes.kthvalue(rank).values) if len(sizes) else 0.0 for rank in ranks)
    span = max(high - low, 1e-12)

    def mask(camera: Cameras) -> Float[Tensor, "H W"]:
        blended = _blended_channels(evidence, scales, camera)
        return ((blended.prod(-1).clamp_min(0) ** (1 / 3) - low) / span).clamp(0, 1)

    return mask


def _view_direction(evidence: Evidence) -> Uncertainty:
    """How far a camera looks in another direction than the training cameras that see the same Gaussians.

    Of a Gaussian: the largest cosine between the forward axes, none below 0.
    """
    seen = torch.stack([seen for _, seen in _sights(evidence)])
    forwards = evidence.cameras.viewmats[:, 2, :3]

    def mask(camera: Cameras) -> Float[Tensor, "H W"]:
        values = torch.zeros_like(evidence.splats.opacities)
        cosines = (forwards @ camera.viewmats[0, 2, :3]).clamp(0, 1)
        for cosine, visible in zip(cosines, seen, strict=True):
            values = torch.where(visible, torch.maximum(values, cosine), values)
        return 1 - _blended(evidence, values, camera).clamp(0, 1)

    return mask


def _fisher(evidence: Evidence) -> Uncertainty:
    """How little the training images say of where the Gaussians of a pixel are (FisherRF, Jiang et al. 2024).

    Of a Gaussian: the root of the Fisher information of its centre, in colour per world unit. Blended and
    times depth it has no unit; its logarithm from -3 to 6 goes from 1 to 0.
    """
    values = fisher_information(evidence).sqrt()
    low, span = _FISHER_LOW, _FISHER_HIGH - _FISHER_LOW

    def mask(camera: Cameras) -> Float[Tensor, "H W"]:
        with torch.no_grad():
            drawn = _draw(evidence, values[:, None], camera, depth=True)
        assert drawn.features is not None
        assert drawn.depths is not None  # both were asked for
        information = (drawn.features[0, ..., 0] * drawn.depths[0]).clamp_min(1e-30)
        return 1 - (information.log().clamp(low, low + span) - low) / span

    return mask


def fisher_information(evidence: Evidence, seed: int = 0) -> Float[Tensor, " N"]:
    """Sums over training cameras, pixels and channels of |d colour / d centre|^2, in 1 / world unit^2.

    The diagonal is estimated without bias by one image of random signs a camera (Hutchinson): the square of
    the gradient of its product with the rendering.
    """
    means = evidence.splats.means.detach().requires_grad_()
    splats = replace(evidence.splats, means=means)
    total = torch.zeros_like(evidence.splats.opacities)
    for row in range(len(evidence.cameras)):
        with torch.enable_grad():
            image = _render(splats, evidence.cameras[row], evidence.formation).images
            signs = torch.randint(0, 2, image.shape, generator=generator(seed, "fisher", row)) * 2 - 1
            (gradient,) = torch.autograd.grad((image * signs.to(image)).sum(), means)
        total += gradient.square().sum(-1)
    return total


def _sights(evidence: Evidence) -> Iterator[tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]]:
    """`mean_transmittance` of each training camera."""
    formation = evidence.formation
    for row in range(len(evidence.cameras)):
        yield mean_transmittance(
            evidence.splats,
            evidence.cameras[row],
            antialiased=formation.antialiased,
            backend=formation.backend,
        )


def _blended(evidence: Evidence, values: Float[Tensor, " N"], camera: Cameras) -> Float[Tensor, "H W"]:
    """The image of one value a Gaussian, on black."""
    return _blended_channels(evidence, values[:, None], camera)[..., 0]


@torch.no_grad()
def _blended_channels(
    evidence: Evidence, values: Float[Tensor, "N F"], camera: Cameras
) -> Float[Tensor, "H W F"]:
    features = _draw(evidence, values, camera).features
    assert features is not None  # they were asked for
    return features[0]


def _draw(
    evidence: Evidence, values: Float[Tensor, "N F"], camera: Cameras, depth: bool = False
) -> RenderOutput:
    """Values drawn in place of colours, whose harmonics need not be evaluated."""
    splats = replace(evidence.splats, sh=evidence.splats.sh[:, :1], sh_degree=0, features=values)
    return _render(splats, camera, evidence.formation, depth=depth)


def _render(splats: Splats, camera: Cameras, formation: ImageFormation, depth: bool = False) -> RenderOutput:
    return render(
        splats,
        camera,
        background=formation.background,
        antialiased=formation.antialiased,
        depth=depth,
        backend=formation.backend,
    )


@torch.no_grad()
def _shows_background(evidence: Evidence, camera: Cameras) -> Bool[Tensor, "H W"]:
    bright = torch.full((3,), _FILTER_BACKGROUND).to(evidence.splats.means)
    formation = replace(evidence.formation, background=bright)
    return _render(evidence.splats, camera, formation).images[0].mean(-1) > _FILTER_LIMIT


_KINDS: Mapping[MaskKind, Callable[[Evidence], Uncertainty]] = {
    "visibility": _visibility,
    "fraction": _fraction,
    "scale": _scale,
    "view_direction": _view_direction,
    "fisher": _fisher,
}
