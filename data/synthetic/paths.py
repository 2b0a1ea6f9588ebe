"""Where the cameras go in the market square; world-from-camera, OpenCV axes."""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.market_square import CENTER, RING_M
from data.synthetic.motions import rounded_loop
from data.synthetic.poses import look_at

_WALKING_SPEED = 0.7  # metres per second
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


def watching_the_street(times_s: Float64[ndarray, " N"], seed: int) -> Float64[ndarray, "N 4 4"]:
    """A hand-held camera that strolls at the square's western end and looks along the street."""
    rng = np.random.default_rng((seed, 5))
    loop = rounded_loop([(-9.6, -6.9), (-6.9, -6.6), (-6.9, -5.4), (-9.6, -5.0)], 0.5)
    start, phases = float(rng.uniform(0, 1.0)), rng.uniform(0, 2 * np.pi, 6)
    poses = []
    for time in times_s.tolist():
        shake = np.sin(2 * np.pi * time * np.array([0.31, 0.47, 0.9, 0.23, 0.61, 1.9]) + phases)
        x, y, _ = loop.at(start + _WALKING_SPEED * time)
        eye = np.array([x, y, 1.6 + 0.05 * shake[0] + 0.012 * shake[5]])
        aim = np.array(
            [
                1.0 + 0.3 * shake[1],
                -6.6 + 1.2 * np.sin(2 * np.pi * time / 9.0 + 0.4) + 0.10 * shake[2],
                1.05 + 0.08 * shake[3],
            ]
        )
        poses.append(look_at(eye, aim, roll=0.8 * float(shake[4])))
    return np.array(poses)
