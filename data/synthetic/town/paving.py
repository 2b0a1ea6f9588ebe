"""Carriageways, their markings, sidewalks and the lie of the land, painted on a town's map."""

import cv2
import numpy as np

from data.synthetic.town.canvas import CELL_M, Canvas
from data.synthetic.town.labels import Raw
from data.synthetic.town.streets import SIDEWALK_M, Streets

_CORNER_M = 4.0
_DASH_M, _LINE_M = 2.0, 0.3
_KERB_M = 0.12
_HILLS_M = 0.45


def pave(canvas: Canvas, streets: Streets, rng: np.random.Generator) -> None:
    """Paint the streets of a town and the ground between them.

    Args:
        canvas: the map; what it holds of ground is replaced.
        streets: where they are.
        rng: draws hills and where the land is bare.
    """
    road = np.zeros(canvas.ground.shape, np.uint8)
    for start, end in streets.sections():
        half = streets.half_width(start, end)
        road[canvas.box(streets.place(start) - half, streets.place(end) + half)] = 1
    # Closing rounds the corners of blocks.
    road = cv2.morphologyEx(road, cv2.MORPH_CLOSE, _disc(_CORNER_M))
    beside = cv2.dilate(road, _disc(SIDEWALK_M))
    field = _smooth_noise(canvas.ground.shape, 12.0, rng)
    canvas.ground[...] = np.where(field > 0.62, Raw.GROUND, Raw.TERRAIN)
    canvas.ground[beside > 0] = Raw.SIDEWALK
    canvas.ground[road > 0] = Raw.ROAD
    _mark(canvas, streets)
    # Hills rise from the sidewalk on, so that no step is as high as a wall.
    distance_m = cv2.distanceTransform((beside == 0).astype(np.uint8), cv2.DIST_L2, 3) * CELL_M
    hills = _HILLS_M * _smooth_noise(canvas.ground.shape, 16.0, rng) * np.clip(distance_m / 5, 0, 1)
    canvas.ground_m[...] = np.where(road > 0, 0, np.where(beside > 0, _KERB_M, _KERB_M + hills))
    canvas.open &= beside == 0


def _mark(canvas: Canvas, streets: Streets) -> None:
    """Dashes along the middle of each street."""
    for start, end in streets.sections():
        first, last = streets.place(start), streets.place(end)
        length = float(np.linalg.norm(last - first))
        along = (last - first) / length
        across = np.array([-along[1], along[0]]) * _LINE_M / 2
        for at in np.arange(streets.reach(start), length - streets.reach(end), 2 * _DASH_M):
            canvas.ground[
                canvas.box(first + along * at - across, first + along * (at + _DASH_M) + across)
            ] = Raw.ROAD_LINE


def _disc(radius_m: float) -> np.ndarray:
    size = 2 * round(radius_m / CELL_M) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _smooth_noise(shape: tuple[int, ...], period_m: float, rng: np.random.Generator) -> np.ndarray:
    """Numbers from 0 to 1 that change over about `period_m`."""
    coarse = [int(side * CELL_M / period_m) + 2 for side in shape[:2]]
    values = rng.uniform(0, 1, coarse).astype(np.float32)
    return cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
