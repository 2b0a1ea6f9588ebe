"""What fast code is held against: the formulas as slow loops in double precision. Imports nothing of ours."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIN_ALPHA, MAX_ALPHA, MIN_TRANSMITTANCE = 1 / 255, 0.999, 1e-4


def quat_product(a: Array, b: Array) -> Array:
    """The Hamilton product of two quaternions, wxyz."""
    (aw, ax, ay, az), (bw, bx, by, bz) = a, b
    return np.array([
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ])  # fmt: skip


def rotate(quat: Array, vector: Array) -> Array:
    """A vector turned by a quaternion of any length: q v q* / |q|^2."""
    conjugate = quat * [1, -1, -1, -1]
    turned = quat_product(quat_product(quat, np.array([0.0, *vector])), conjugate)
    return turned[1:] / (quat @ quat)


def legendre(degree: int, order: int, x: float) -> float:
    """The associated Legendre function P_l^m with the Condon-Shortley phase, by its recurrences."""
    value = 1.0
    for k in range(1, order + 1):
        value *= -(2 * k - 1) * math.sqrt(1 - x * x)
    if degree == order:
        return value
    previous, value = value, x * (2 * order + 1) * value
    for n in range(order + 2, degree + 1):
        previous, value = value, ((2 * n - 1) * x * value - (n + order - 1) * previous) / (n - order)
    return value


def spherical_harmonics(direction: Array, degree: int) -> Array:
    """The real spherical harmonics [(degree + 1)^2] of a unit vector, from their definition in angles."""
    x, y, z = direction
    azimuth = math.atan2(y, x)
    values = []
    for n in range(degree + 1):
        for m in range(-n, n + 1):
            scale = math.sqrt(
                (2 * n + 1) / (4 * math.pi) * math.factorial(n - abs(m)) / math.factorial(n + abs(m))
            )
            wave = (
                1.0 if m == 0 else math.sqrt(2) * (math.cos(m * azimuth) if m > 0 else math.sin(-m * azimuth))
            )
            values.append(scale * wave * legendre(n, abs(m), z))
    return np.array(values)


@dataclass
class Ellipse:
    """A Gaussian as one camera sees it."""

    mean: Array
    covariance: Array
    depth: float
    opacity: float
    color: Array
    extras: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def half_extents(self) -> Array:
        """Half sizes in px of the box that holds every alpha of at least 1/255."""
        return np.sqrt(2 * math.log(255 * self.opacity) * np.diag(self.covariance))


@dataclass
class Camera:
    """One camera and what it is asked to do."""

    viewmat: Array
    K: Array
    width: int
    height: int
    near: float = 0.01
    far: float = 1e10
    low_pass: float = 0.3
    antialiased: bool = False


def project_gaussian(
    mean: Array, quat: Array, scales: Array, opacity: float, sh: Array, camera: Camera
) -> Ellipse | None:
    """One activated Gaussian on the image, or None where it is not drawn. All of `sh` is evaluated."""
    R, t = camera.viewmat[:3, :3], camera.viewmat[:3, 3]
    (fx, fy), (cx, cy) = np.diag(camera.K)[:2], camera.K[:2, 2]
    x, y, z = R @ mean + t
    if not camera.near < z < camera.far:
        return None
    margin_x, margin_y = 0.3 * 0.5 * camera.width / fx, 0.3 * 0.5 * camera.height / fy
    tx = z * min(max(x / z, -cx / fx - margin_x), (camera.width - cx) / fx + margin_x)
    ty = z * min(max(y / z, -cy / fy - margin_y), (camera.height - cy) / fy + margin_y)
    J = np.array([[fx / z, 0, -fx * tx / z**2], [0, fy / z, -fy * ty / z**2]])
    axes = np.stack([rotate(quat, axis) for axis in np.eye(3)], axis=1)
    sharp = J @ R @ axes @ np.diag(scales**2) @ axes.T @ R.T @ J.T
    covariance = sharp + camera.low_pass * np.eye(2)
    if camera.antialiased:
        opacity *= math.sqrt(max(2.5e-5, np.linalg.det(sharp) / np.linalg.det(covariance)))
    if opacity <= MIN_ALPHA:
        return None
    center = -R.T @ t
    direction = (mean - center) / np.linalg.norm(mean - center)
    color = np.maximum(0, spherical_harmonics(direction, math.isqrt(len(sh)) - 1) @ sh + 0.5)
    ellipse = Ellipse(np.array([fx * x / z + cx, fy * y / z + cy]), covariance, z, opacity, color)
    low, high = ellipse.mean - ellipse.half_extents, ellipse.mean + ellipse.half_extents
    if (high < 0.5).any() or (low > np.array([camera.width, camera.height]) - 0.5).any():
        return None
    return ellipse


@dataclass
class Picture:
    """An image, and what each Gaussian gave to it."""

    image: Array
    alpha: Array
    extras: Array
    transmittance_sum: Array
    pixel_count: Array
    weight_sum: Array


def blend(ellipses: list[Ellipse | None], width: int, height: int, background: Array) -> Picture:
    """Every pixel walks through all Gaussians by depth, equal depths by index."""
    order = sorted((i for i, e in enumerate(ellipses) if e is not None), key=lambda i: ellipses[i].depth)
    conics = {i: np.linalg.inv(ellipses[i].covariance) for i in order}
    channels = {i: np.concatenate([ellipses[i].color, ellipses[i].extras]) for i in order}
    n_channels = len(channels[order[0]]) if order else 3
    sums, alpha_image = np.zeros((height, width, n_channels)), np.zeros((height, width))
    transmittance_sum, pixel_count, weight_sum = np.zeros((3, len(ellipses)))
    for row in range(height):
        for column in range(width):
            transmittance = 1.0
            for i in order:
                offset = np.array([column + 0.5, row + 0.5]) - ellipses[i].mean
                alpha = ellipses[i].opacity * math.exp(-0.5 * offset @ conics[i] @ offset)
                if alpha < MIN_ALPHA:
                    continue
                alpha = min(MAX_ALPHA, alpha)
                if transmittance * (1 - alpha) <= MIN_TRANSMITTANCE:
                    break
                sums[row, column] += alpha * transmittance * channels[i]
                transmittance_sum[i] += transmittance
                pixel_count[i] += 1
                weight_sum[i] += alpha * transmittance
                transmittance *= 1 - alpha
            sums[row, column, :3] += transmittance * background
            alpha_image[row, column] = 1 - transmittance
    return Picture(sums[..., :3], alpha_image, sums[..., 3:], transmittance_sum, pixel_count, weight_sum)


def ssim_map(image: Array, target: Array) -> Array:
    """SSIM of two [H, W] images per pixel: 11 x 11 Gaussian window, sigma 1.5, zeros outside the image."""
    c1, c2 = 0.01**2, 0.03**2
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    x, y = np.pad(image, 5), np.pad(target, 5)
    values = np.zeros_like(image)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            patch_x, patch_y = (
                x[row : row + 11, column : column + 11],
                y[row : row + 11, column : column + 11],
            )
            mean_x, mean_y = (window * patch_x).sum(), (window * patch_y).sum()
            variance_x = (window * patch_x**2).sum() - mean_x**2
            variance_y = (window * patch_y**2).sum() - mean_y**2
            covariance = (window * patch_x * patch_y).sum() - mean_x * mean_y
            luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
            values[row, column] = luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)
    return values
