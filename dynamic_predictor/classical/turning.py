"""Cameras that stand still or only turn: what is left when nothing in a clip has parallax."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.spatial.transform import Rotation
from torch import Tensor

from dynamic_predictor.classical.coarse_motion import fit_homography
from dynamic_predictor.classical.remembered import RememberedFlow
from dynamic_predictor.classical.structure import GUESS

STILL_PX = 0.5
"""A camera that moves the image's corners by less than this, over eight frames, stands still."""

_GAPS = (1, 4, 8)
_GRID = 6  # points a side that stand for a homography
_FOCALS = np.geomspace(0.4, 4.0, 24)  # tried first, in long sides


@dataclass(frozen=True)
class Turning:
    """A camera that keeps its place.

    Args:
        viewmats: camera-from-world: rotations.
        focal_px: of all frames.
        error_px: root mean square distance between the frames' homographies and those of the rotations.
    """

    viewmats: Float[Tensor, "N 4 4"]
    focal_px: float
    error_px: float


def image_motion_px(flows: RememberedFlow) -> float:
    """How far the camera moves the corners of the image over up to eight frames: the largest of the clip."""
    width, height = flows.size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)[:, None]
    gap = min(8, len(flows) - 1)
    lengths = [0.0]
    for row in range(len(flows) - gap):
        flow = flows.between(row, row + gap)
        if flow is not None and gap:
            moved = cv2.perspectiveTransform(corners, fit_homography(flow))
            lengths.append(float(np.linalg.norm(moved - corners, axis=-1).max()))
    return max(lengths)


def standing(count: int, flows: RememberedFlow, focal_px: float | None) -> Turning:
    """A camera that does not move; without a known focal length it is a guess."""
    guess = GUESS * max(flows.size) if focal_px is None else focal_px
    return Turning(torch.eye(4).repeat(count, 1, 1), guess, 0.0)


def turning(flows: RememberedFlow, focal_px: float | None) -> Turning:
    """The rotations, and the focal length, that explain the homographies between frames best.

    A camera that only turns relates two frames by K R K^-1. The unknowns are fitted to a grid of points that
    the homographies carry, by robust least squares.

    Args:
        flows: between at least two frames.
        focal_px: known focal length in pixels of the working images.

    Source: R. Hartley, "Self-Calibration of Stationary Cameras", 1997.
    """
    count, (width, height) = len(flows), flows.size
    pairs = [(row, row + gap) for gap in _GAPS for row in range(count - gap)]
    center = np.array([width / 2 - 0.5, height / 2 - 0.5])  # flows count from the first pixel's centre
    lattice = np.stack(
        np.meshgrid(np.linspace(0, width, _GRID), np.linspace(0, height, _GRID)), axis=-1
    ).reshape(-1, 2)
    homographies, carried = {}, []
    for pair in pairs:
        flow = flows.between(*pair)
        assert flow is not None  # both rows are in the clip
        homographies[pair] = fit_homography(flow)
        carried.append(cv2.perspectiveTransform(lattice[:, None], homographies[pair])[:, 0])
    start, targets = lattice - center, np.stack(carried) - center
    first, second = (np.array(column) for column in zip(*pairs, strict=True))

    def residuals(unknowns: ndarray) -> ndarray:
        focal = np.exp(unknowns[-1]) if focal_px is None else focal_px
        rotations = Rotation.from_rotvec(
            np.concatenate([np.zeros((1, 3)), unknowns[: 3 * (count - 1)].reshape(-1, 3)])
        ).as_matrix()
        relative = rotations[second] @ rotations[first].transpose(0, 2, 1)
        rays = np.concatenate([start / focal, np.ones((len(start), 1))], axis=1)
        turned = rays @ relative.transpose(0, 2, 1)
        depth = np.maximum(turned[..., 2:], 1e-3)
        return (focal * turned[..., :2] / depth - targets).ravel()

    tried = [focal_px] if focal_px is not None else list(_FOCALS * max(width, height))
    focal = min(tried, key=lambda one: _unlike_rotation(list(homographies.values()), one, center))
    begin = np.append(_chained(homographies, count, focal, center), np.log(focal))
    size = 2 * len(lattice)
    sparsity = lil_matrix((len(pairs) * size, len(begin)), dtype=int)
    for index, pair in enumerate(pairs):
        rows = slice(index * size, (index + 1) * size)
        for row in pair:
            if row:
                sparsity[rows, 3 * (row - 1) : 3 * row] = 1
        sparsity[rows, -1] = 1
    solution = least_squares(residuals, begin, jac_sparsity=sparsity, loss="soft_l1", max_nfev=50)
    rotations = np.concatenate([np.zeros((1, 3)), solution.x[:-1].reshape(-1, 3)])
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[:, :3, :3] = torch.from_numpy(Rotation.from_rotvec(rotations).as_matrix()).float()
    found = float(np.exp(solution.x[-1])) if focal_px is None else focal_px
    return Turning(viewmats, found, float(np.sqrt(2 * np.mean(residuals(solution.x) ** 2))))


def _intrinsics(focal: float, center: ndarray) -> ndarray:
    return np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1]])


def _as_rotation(homography: ndarray, focal: float, center: ndarray) -> ndarray:
    """K^-1 H K, scaled to determinant 1: a rotation if the focal length is right."""
    K = _intrinsics(focal, center)
    turned = np.linalg.solve(K, homography @ K)
    return turned / np.cbrt(np.linalg.det(turned))


def _unlike_rotation(homographies: list[ndarray], focal: float, center: ndarray) -> float:
    spreads = [np.linalg.svd(_as_rotation(one, focal, center), compute_uv=False) for one in homographies]
    return float(np.median([spread[0] / spread[-1] - 1 for spread in spreads]))


def _chained(
    homographies: dict[tuple[int, int], ndarray], count: int, focal: float, center: ndarray
) -> ndarray:
    """Rotation vectors of all frames but the first, from one frame to the next."""
    rotation, vectors = np.eye(3), []
    for row in range(count - 1):
        left, _, right = np.linalg.svd(_as_rotation(homographies[row, row + 1], focal, center))
        rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right @ rotation
        vectors.append(Rotation.from_matrix(rotation).as_rotvec())
    return np.array(vectors).ravel()
