"""A room whose pictures, depths and flows are known exactly, and things that move before its walls."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from dynamic_predictor.classical.remembered import RememberedFlow
from dynamic_predictor.ego_motion import ego_flow, pixel_centers
from scene.cameras import Cameras

WIDTH, HEIGHT, FOCAL = 96, 64, 80.0
HALF_SIDES = torch.tensor([3.0, 2.0, 5.0])
_TEXELS = 256


def cameras_at(
    places: list[tuple[float, float, float]],
    turns: list[tuple[float, float, float]] | None = None,
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    focal: float = FOCAL,
) -> Cameras:
    """Cameras with centres in the room and rotation vectors (world-from-camera), none by default."""
    count = len(places)
    c2w = torch.eye(4).repeat(count, 1, 1)
    c2w[:, :3, 3] = torch.tensor(places)
    if turns is not None:
        c2w[:, :3, :3] = torch.from_numpy(Rotation.from_rotvec(np.array(turns)).as_matrix()).float()
    K = torch.tensor([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    sides = torch.full((count,), size[0]), torch.full((count,), size[1])
    return Cameras(torch.linalg.inv(c2w), K.repeat(count, 1, 1), *sides)


def walk(count: int, *, size: tuple[int, int] = (WIDTH, HEIGHT), focal: float = FOCAL) -> Cameras:
    """Sideways and a little ahead, turning back: all frames see the same wall from other places."""
    steps = np.linspace(-0.5, 0.5, count)
    places = [(2 * s, 0.3 * s * s, 0.6 * s) for s in steps]
    return cameras_at(places, [(0.02 * s, -0.25 * s, 0.03 * s) for s in steps], size=size, focal=focal)


def turns_on_the_spot(
    count: int, *, size: tuple[int, int] = (WIDTH, HEIGHT), focal: float = FOCAL, extent: float = 1.0
) -> Cameras:
    """A pan over 0.4 rad (times `extent`) with some pitch and roll."""
    steps = np.linspace(0.0, extent, count)
    turns = [(0.08 * math.sin(3 * s), 0.4 * s, 0.1 * s * s) for s in steps]
    return cameras_at([(0.0, 0.0, 0.0)] * count, turns, size=size, focal=focal)


def rays_of(view: Cameras) -> Tensor:
    """[H, W, 3] in the world, of z-depth 1."""
    c2w = view.c2w[0]
    pixels = torch.nn.functional.pad(pixel_centers(view.size, c2w), (0, 1), value=1.0)
    return pixels @ torch.linalg.inv(view.Ks[0]).mT @ c2w[:3, :3].mT


def depth_of(view: Cameras) -> Tensor:
    """z-depths [H, W] of the walls."""
    rays, center = rays_of(view), view.centers[0]
    return ((HALF_SIDES * rays.sign() - center) / rays).nan_to_num(math.inf).amin(-1)


def photograph(view: Cameras) -> Tensor:
    """8-bit picture [H, W, 3] of the walls."""
    walls = _textures()
    places = view.centers[0] + depth_of(view)[..., None] * rays_of(view)
    relative = (places / HALF_SIDES).numpy()
    picture = np.zeros((*places.shape[:2], 3), np.float32)
    axes = np.abs(relative).argmax(-1)
    for axis in range(3):
        u, v = (
            np.float32((relative[..., other] * 0.5 + 0.5) * (_TEXELS - 1))
            for other in range(3)
            if other != axis
        )
        for side in range(2):
            here = (axes == axis) & ((relative[..., axis] > 0) == bool(side))
            picture[here] = cv2.remap(walls[2 * axis + side], u, v, cv2.INTER_LINEAR)[here]
    return torch.from_numpy(picture.clip(0, 255).astype(np.uint8))


def _textures() -> list[np.ndarray]:
    """Smooth noise of several sizes, one picture a wall."""
    random = np.random.default_rng(5)
    walls = []
    for _ in range(6):
        wall = np.full((_TEXELS, _TEXELS, 3), 128.0, np.float32)
        for sigma in (2.0, 4.0, 8.0, 16.0):
            noise = random.standard_normal((_TEXELS, _TEXELS, 3)).astype(np.float32)
            wall += 45 * sigma * cv2.GaussianBlur(noise, (0, 0), sigma)
        walls.append(wall)
    return walls


def disc(center: tuple[float, float], radius: float, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Tensor:
    """True [H, W] within a circle, in pixels."""
    return (pixel_centers(size, torch.zeros(())) - torch.tensor(center)).norm(dim=-1) < radius


def with_disc(picture: Tensor, center: tuple[float, float], radius: float) -> Tensor:
    """A picture with a yellow, checkered disc before it, whose pattern moves with it."""
    size = (picture.shape[1], picture.shape[0])
    place = pixel_centers(size, torch.zeros(())) - torch.tensor(center)
    bright = ((place / 4).floor().sum(-1) % 2 == 0)[..., None]
    paint = torch.where(bright, torch.tensor([255, 235, 20]), torch.tensor([190, 150, 0])).to(torch.uint8)
    return torch.where(disc(center, radius, size)[..., None], paint, picture)


def known_flow(
    frames: list[Tensor], flow: Callable[[int, int], Tensor], asked: list[tuple[int, int]] | None = None
) -> RememberedFlow:
    """Flows between frames that are told by their rows; `asked` keeps what was asked for."""
    rows = {frame.data_ptr(): row for row, frame in enumerate(frames)}

    def between(source: Tensor, target: Tensor, initial: Tensor | None = None) -> Tensor:
        del initial
        pair = rows[source.data_ptr()], rows[target.data_ptr()]
        if asked is not None:
            asked.append(pair)
        return flow(*pair)

    return RememberedFlow(between, frames)


def blank(count: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> list[Tensor]:
    """Frames for those who look at flow alone."""
    return [torch.zeros(size[1], size[0], 3, dtype=torch.uint8) for _ in range(count)]


def still_flow(cameras: Cameras, frames: list[Tensor] | None = None) -> RememberedFlow:
    """The exact flow of the room, as the cameras see it."""
    return known_flow(
        blank(len(cameras), cameras.size) if frames is None else frames,
        lambda first, second: ego_flow(depth_of(cameras[first]), cameras[first], cameras[second]),
    )
