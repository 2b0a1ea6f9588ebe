"""Where the cameras go in the market square; world-from-camera, OpenCV axes."""

from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.market_square import CENTER, RING_M
from data.synthetic.motions import rounded_loop
from data.synthetic.poses import look_at
from data.synthetic.sites import site_of

CameraMotion = Literal["walk", "rotate", "static"]

# The rounds a walking camera makes, as corners in metres ahead and to the left; it begins on the first side.
_ROUNDS = {
    "stroll": ((0.0, 1.0), (1.9, 0.1), (1.7, -1.0), (0.1, -0.6)),
    "orbit": ((0.1, 1.2), (0.2, -1.2), (1.2, -1.2), (1.1, 1.2)),
    "forward": ((0.0, 0.4), (2.5, 0.4), (2.5, -0.4), (0.0, -0.4)),
}
_KINDS = tuple(_ROUNDS)
_CORNER_M = 0.3  # radius of the rounds' corners
_AIM_M = 7.0  # ahead of the site's start
_SHAKES_HZ = np.array([0.31, 0.47, 0.9, 0.23, 0.61, 1.9, 0.11])
_WIDEST_STEP = np.radians(4.5)


def around_the_fountain(frames: int, seed: int) -> Float64[ndarray, "N 4 4"]:
    """Around the square, as someone walks who photographs it: up and down, with an unsteady aim.

    Neighbours see much of the same: few frames do not go all the way round.
    """
    rng = np.random.default_rng((seed, 4))
    start = rng.uniform(0, 2 * np.pi)
    sway = rng.uniform(-1, 1, (frames, 4))
    step = min(2 * np.pi / frames, _WIDEST_STEP)
    poses = []
    for index in range(frames):
        angle = start + step * index
        reach = 1 + 0.04 * np.sin(5 * angle) + 0.01 * sway[index, 0]
        eye = np.array(
            [
                CENTER[0] + RING_M[0] * reach * np.cos(angle),
                CENTER[1] + RING_M[1] * reach * np.sin(angle),
                1.65 + 0.45 * np.sin(3 * angle + 1) + 0.04 * sway[index, 1],
            ]
        )
        aim = np.array([*CENTER, 1.1]) + 0.8 * np.array(
            [np.cos(2 * angle), np.sin(3 * angle), 0.5 * np.sin(4 * angle)]
        )
        poses.append(look_at(eye, aim + 0.1 * sway[index, :3], roll=1.5 * sway[index, 3]))
    return np.array(poses)


def along_a_site(
    times_s: Float64[ndarray, " N"], seed: int, camera: CameraMotion = "walk"
) -> Float64[ndarray, "N 4 4"]:
    """A hand-held camera at the start of a site, which looks along it.

    Args:
        times_s: when it looks.
        seed: decides the site, and whether the camera strolls, goes round what it looks at, or goes ahead.
        camera: `walk` for that path; `rotate` for one that stands still and pans; `static` for one that does
            not move at all.
    """
    rng = np.random.default_rng((seed, 5))
    site, kind = site_of(seed), _KINDS[int(rng.integers(len(_KINDS)))]
    speed, mirror = float(rng.uniform(0.65, 0.95)), float(rng.choice([-1.0, 1.0]))
    height, phases = float(rng.uniform(1.5, 1.75)), rng.uniform(0, 2 * np.pi, 7)
    loop = rounded_loop([site.at(ahead, mirror * left) for ahead, left in _ROUNDS[kind]], _CORNER_M)
    start = _CORNER_M + float(rng.uniform(0.0, 0.3))
    poses = []
    for time in times_s.tolist():
        walked, shaken = (time if camera == "walk" else 0.0), (0.0 if camera == "static" else time)
        shake = np.sin(2 * np.pi * shaken * _SHAKES_HZ + phases)
        x, y, _ = loop.at(start + speed * walked)
        eye = np.array([x, y, height])
        if camera == "walk":
            eye[2] += 0.05 * shake[0] + 0.012 * shake[5]
        pan = 2.6 * np.sin(2 * np.pi * shaken / 6.0 + phases[6]) if camera == "rotate" else 0.5 * shake[6]
        aim = np.array([*site.at(_AIM_M + 0.3 * shake[1], pan + 0.10 * shake[2]), 0.95 + 0.08 * shake[3]])
        poses.append(look_at(eye, aim, roll=0.8 * float(shake[4])))
    return np.array(poses)
