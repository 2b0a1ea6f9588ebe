"""The photometric loss of Gaussian splatting: L1 and structural similarity; and PSNR.

On a CPU in float32 the fused kernels do the work. Everywhere else, and as the specification, there is plain
torch. Targets are 8-bit and planar, as an image cache holds them; images are [H, W, 3] float in [0, 1], not
clamped.
"""

import math
from functools import cache

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

try:
    import splat_kernels
except ImportError:  # plain torch serves until the kernels are installed; core.doctor says how
    splat_kernels = None

C1, C2 = 0.01**2, 0.03**2
"""Constants of SSIM for a dynamic range of 1."""

WINDOW_SIZE, WINDOW_SIGMA = 11, 1.5


@cache
def gaussian_window() -> tuple[float, ...]:
    """The 11 weights of SSIM's window along one axis; they sum to 1."""
    weights = [math.exp(-((i - WINDOW_SIZE // 2) ** 2) / (2 * WINDOW_SIGMA**2)) for i in range(WINDOW_SIZE)]
    return tuple(weight / sum(weights) for weight in weights)


def _blur(planes: Float[Tensor, "P H W"]) -> Float[Tensor, "P H W"]:
    """Window-weighted means, zeros beyond the border."""
    window = torch.tensor(gaussian_window(), dtype=planes.dtype, device=planes.device)
    half = WINDOW_SIZE // 2
    rows = F.conv2d(planes[:, None], window.view(1, 1, 1, -1), padding=(0, half))
    return F.conv2d(rows, window.view(1, 1, -1, 1), padding=(half, 0))[:, 0]


def ssim_map(
    image: Float[Tensor, "3 H W"],
    target: Float[Tensor, "3 H W"],
    moments: Float[Tensor, "2 3 H W"] | None = None,
) -> Float[Tensor, "3 H W"]:
    """Structural similarity of each pixel and channel, in [-1, 1].

    Args:
        image: planes in [0, 1].
        target: planes in [0, 1].
        moments: `ssim_moments` of the target, if they are known.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004, eq.
    13.
    """
    mean_y, variance_y = _moments(target) if moments is None else moments
    mean_x, mean_xx, mean_xy = _blur(image), _blur(image * image), _blur(image * target)
    variance_x = mean_xx - mean_x * mean_x
    covariance = mean_xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    return luminance * (2 * covariance + C2) / (variance_x + variance_y + C2)


def ssim(image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"]) -> Float[Tensor, ""]:
    """Mean structural similarity of two images in [0, 1]."""
    return ssim_map(image.permute(2, 0, 1), target.permute(2, 0, 1)).mean()


def psnr(image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"]) -> float:
    """Peak signal-to-noise ratio in dB of two images in [0, 1]; infinite when they are equal."""
    error = float((image - target).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)


def as_image(planes: UInt8[Tensor, "3 H W"], like: Tensor) -> Float[Tensor, "H W 3"]:
    """An 8-bit planar target as an image in [0, 1], with the dtype and device of `like`."""
    return planes.to(like).permute(1, 2, 0) / 255


def ssim_moments(target: UInt8[Tensor, "3 H W"]) -> Float[Tensor, "2 3 H W"]:
    """Window means and variances of a target, in float32: the same at every visit, so worth keeping."""
    if splat_kernels is not None and target.device.type == "cpu":
        return splat_kernels.ssim_moments(target)
    return _moments(target.float() / 255)


def _moments(planes: Float[Tensor, "3 H W"]) -> Float[Tensor, "2 3 H W"]:
    means = _blur(planes)
    return torch.stack([means, _blur(planes * planes) - means * means])


def photometric_loss(
    image: Float[Tensor, "H W 3"],
    target: UInt8[Tensor, "3 H W"],
    *,
    moments: Float[Tensor, "2 3 H W"] | None = None,
    lambda_dssim: float = 0.2,
    weights: Float[Tensor, "H W"] | None = None,
) -> Float[Tensor, ""]:
    """(1 - lambda) L1 + lambda (1 - SSIM), each a mean over pixels and channels.

    Args:
        image: the rendering, not clamped. Fastest when its memory is planar: `image.permute(2, 0,
            1).is_contiguous()`.
        target: the photograph.
        moments: `ssim_moments(target)`, if they were kept.
        lambda_dssim: share of the structural term, in [0, 1].
        weights: factor of each pixel's loss before the mean, 0 where a pixel is not to be supervised.

    Source: Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023, eq. 7.
    """
    if splat_kernels is not None and image.device.type == "cpu" and image.dtype == torch.float32:
        return splat_kernels.photometric_loss(image, target, moments, lambda_dssim, weights)
    return photometric_loss_reference(
        image, target, moments=moments, lambda_dssim=lambda_dssim, weights=weights
    )


def photometric_loss_reference(
    image: Float[Tensor, "H W 3"],
    target: UInt8[Tensor, "3 H W"],
    *,
    moments: Float[Tensor, "2 3 H W"] | None = None,
    lambda_dssim: float = 0.2,
    weights: Float[Tensor, "H W"] | None = None,
) -> Float[Tensor, ""]:
    """`photometric_loss` in plain torch, for any device and dtype."""
    planes = image.permute(2, 0, 1)
    truth = target.to(image) / 255
    if moments is not None:
        moments = moments.to(image)
    loss = (1 - lambda_dssim) * (planes - truth).abs() + lambda_dssim * (1 - ssim_map(planes, truth, moments))
    if weights is not None:
        loss = loss * weights
    return loss.mean()
