"""Cameras that stand still or only turn: what is left when nothing in a clip has parallax."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.optimize import least_squares
from scipy.sparse import csr_array, lil_matrix
from scipy.spatial.transform import Rotation
from torch import Tensor

from dynamic_predictor.classical.coarse_motion import fit_homography
from dynamic_predictor.classical.remembered import RememberedFlow
from dynamic_predictor.classical.structure import GUESS

STILL_PX = 0.5
"""A camera that moves the image's corners by less than this, over eight frames, stands still."""

_GAPS = (1, 4, 8)
_GRID = 6  # points a side that stand for a homography
_FOCALS = np.geomspace(0.4, 4.0, 24)  # tried first, in long sides; lenses beyond are not believed
_PRIOR_PX = 0.1  # a focal length e times the guess is as unlikely as one pair of frames that is so far off
_TIE = 1e-3  # how far from rotations a focal length e times the guess must be less to be begun with
_TELLING_PX = 0.3  # less than this, for a focal length e times as long, is lost in what flow gets wrong

_Homographies = dict[tuple[int, int], Float[ndarray, "3 3"]]


@dataclass(frozen=True)
class Turning:
    """A camera that keeps its place.

    Args:
        viewmats: camera-from-world: rotations.
        focal_px: of all frames.
        error_px: root mean square distance between the frames' homographies and those of the rotations.
        focal_is_sure: whether the focal length was known or the images tell it; else it is hardly more than
            a guess.
    """

    viewmats: Float[Tensor, "N 4 4"]
    focal_px: float
    error_px: float
    focal_is_sure: bool


def image_motion_px(flows: RememberedFlow, masks: Bool[Tensor, "N H W"]) -> float:
    """How far the camera moves the corners of the image over up to eight frames: the largest of the clip.

    Args:
        flows: between its frames.
        masks: True where something moves, whose flow does not count.
    """
    width, height = flows.size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)[:, None]
    gap = min(8, len(flows) - 1)
    lengths = [0.0]
    for row in range(len(flows) - gap):
        flow = flows.between(row, row + gap)
        if flow is not None and gap:
            moved = cv2.perspectiveTransform(corners, fit_homography(flow, masks[row].numpy()))
            lengths.append(float(np.linalg.norm(moved - corners, axis=-1).max()))
    return max(lengths)


def standing(count: int, flows: RememberedFlow, focal_px: float | None) -> Turning:
    """A camera that does not move; without a known focal length it is a guess."""
    guess = GUESS * max(flows.size) if focal_px is None else focal_px
    return Turning(torch.eye(4).repeat(count, 1, 1), guess, 0.0, focal_px is not None)


def turning(flows: RememberedFlow, focal_px: float | None, masks: Bool[Tensor, "N H W"]) -> Turning:
    """The rotations, and the focal length, that explain the homographies between frames best.

    A camera that only turns relates two frames by K R K^-1. The unknowns are fitted to a grid of points that
    the homographies carry, by robust least squares. As the images may say little of the focal length, it
    stays within bounds and is drawn a little to the usual one.

    Args:
        flows: between at least two frames.
        focal_px: known focal length in pixels of the working images.
        masks: True where something moves, whose flow does not count.

    Source: R. Hartley, "Self-Calibration of Stationary Cameras", 1997.
    """
    count, long_side = len(flows), max(flows.size)
    center = np.array(flows.size) / 2 - 0.5  # flows count from the first pixel's centre
    homographies = _homographies(flows, masks)
    grid = _Grid.of(homographies, flows.size, center)
    guess = GUESS * long_side if focal_px is None else focal_px

    def residuals(unknowns: Float[ndarray, " U"]) -> Float[ndarray, " R"]:
        focal = np.exp(unknowns[-1]) if focal_px is None else focal_px
        prior = _PRIOR_PX * _GRID * (unknowns[-1] - np.log(guess))
        return np.append(grid.errors(_rotations(unknowns), focal).ravel(), prior)

    tried = _FOCALS * long_side if focal_px is None else np.array([focal_px])
    focal = min(tried, key=lambda one: _unlikeliness(list(homographies.values()), one, guess, center))
    begin = np.append(_chained(homographies, count, focal, center), np.log(focal))
    bounds = np.full((2, len(begin)), ((-np.inf,), (np.inf,)))
    # Known or not, what is begun with must lie within them.
    bounds[:, -1] = np.log((0.99 * tried[0], 1.01 * tried[-1]))
    solution = least_squares(
        residuals, begin, bounds=bounds, jac_sparsity=grid.sparsity(count), loss="soft_l1", max_nfev=50
    )
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[:, :3, :3] = torch.from_numpy(_rotations(solution.x)).float()
    error_px = float(np.sqrt(2 * np.mean(residuals(solution.x)[:-1] ** 2)))
    if focal_px is not None:
        return Turning(viewmats, focal_px, error_px, focal_is_sure=True)
    found = float(np.exp(solution.x[-1]))
    told_px = _told_px(csr_array(solution.jac))
    is_sure = tried[0] < found < tried[-1] and told_px > max(_TELLING_PX, error_px)
    return Turning(viewmats, found, error_px, bool(is_sure))


@dataclass(frozen=True)
class _Grid:
    """Points of a frame and where homographies carry them, in pixels from the image's centre.

    Args:
        first: of each pair of frames, the row of the one that the points are in.
        second: the row of the one that they are carried to.
        start: the points.
        targets: their places in the second frame.
    """

    first: Int[ndarray, " P"]
    second: Int[ndarray, " P"]
    start: Float[ndarray, "G 2"]
    targets: Float[ndarray, "P G 2"]

    @staticmethod
    def of(homographies: _Homographies, size: tuple[int, int], center: Float[ndarray, "2"]) -> "_Grid":
        axes = (np.linspace(0, side, _GRID) for side in size)
        start = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 1, 2)
        targets = [cv2.perspectiveTransform(start, one)[:, 0] for one in homographies.values()]
        first, second = np.array(list(homographies)).T
        return _Grid(first, second, start[:, 0] - center, np.stack(targets) - center)

    def errors(self, rotations: Float[ndarray, "N 3 3"], focal: float) -> Float[ndarray, "P G 2"]:
        """By how much rotations miss the targets."""
        relative = rotations[self.second] @ rotations[self.first].transpose(0, 2, 1)
        rays = np.concatenate([self.start / focal, np.ones((len(self.start), 1))], axis=1)
        turned = rays @ relative.transpose(0, 2, 1)
        depth = np.maximum(turned[..., 2:], 1e-3)
        return focal * turned[..., :2] / depth - self.targets

    def sparsity(self, count: int) -> lil_matrix:
        """Which residual depends on which unknown: rotations of frames but the first, the focal length."""
        size = self.targets[0].size
        sparsity = lil_matrix((self.targets.size + 1, 3 * (count - 1) + 1), dtype=int)
        for index, pair in enumerate(zip(self.first, self.second, strict=True)):
            rows = slice(index * size, (index + 1) * size)
            for row in pair:
                if row:
                    sparsity[rows, 3 * (row - 1) : 3 * row] = 1
        sparsity[:, -1] = 1
        return sparsity


def _homographies(flows: RememberedFlow, masks: Bool[Tensor, "N H W"]) -> _Homographies:
    found = {}
    for row, other in ((row, row + gap) for gap in _GAPS for row in range(len(flows) - gap)):
        flow = flows.between(row, other)
        assert flow is not None  # both rows are in the clip
        found[row, other] = fit_homography(flow, masks[row].numpy())
    return found


def _rotations(unknowns: Float[ndarray, " U"]) -> Float[ndarray, "N 3 3"]:
    vectors = np.concatenate([np.zeros((1, 3)), unknowns[:-1].reshape(-1, 3)])
    return Rotation.from_rotvec(vectors).as_matrix()


def _told_px(jacobian: csr_array) -> float:
    """How far, root mean square, a focal length e times as long moves points that no rotation brings back."""
    told = jacobian[:-1]  # without the prior's
    turns, focal = told[:, :-1], told[:, [-1]].toarray()[:, 0]
    shares = np.linalg.lstsq((turns.T @ turns).toarray(), turns.T @ focal)[0]
    return float(np.sqrt(2 * np.mean((focal - turns @ shares) ** 2)))


def _intrinsics(focal: float, center: ndarray) -> ndarray:
    return np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1]])


def _as_rotation(homography: ndarray, focal: float, center: ndarray) -> ndarray:
    """K^-1 H K, scaled to determinant 1: a rotation if the focal length is right."""
    K = _intrinsics(focal, center)
    turned = np.linalg.solve(K, homography @ K)
    return turned / np.cbrt(np.linalg.det(turned))


def _unlikeliness(homographies: list[ndarray], focal: float, guess: float, center: ndarray) -> float:
    """How far homographies are from rotations with a focal length; where all are the usual one is best."""
    spreads = [np.linalg.svd(_as_rotation(one, focal, center), compute_uv=False) for one in homographies]
    unlike = float(np.median([spread[0] / spread[-1] - 1 for spread in spreads]))
    return unlike + _TIE * float(np.log(focal / guess)) ** 2


def _chained(homographies: _Homographies, count: int, focal: float, center: ndarray) -> ndarray:
    """Rotation vectors of all frames but the first, from one frame to the next."""
    rotation, vectors = np.eye(3), []
    for row in range(count - 1):
        left, _, right = np.linalg.svd(_as_rotation(homographies[row, row + 1], focal, center))
        rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right @ rotation
        vectors.append(Rotation.from_matrix(rotation).as_rotvec())
    return np.array(vectors).ravel()
