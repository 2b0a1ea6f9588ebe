"""How things move: along closed paths on the ground, rolling, walking. A motion is a function of seconds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.poses import Number, Vector, pose
from data.synthetic.world import Motion

Pace = Callable[[float], float]
"""Seconds to the seconds of movement that have passed by then."""

Ground = Callable[[float, float], float]
"""X and y to the height of the ground in metres."""


@dataclass(frozen=True)
class Loop:
    """A closed path on the ground.

    Args:
        points: along it, closely spaced, the last one equal to the first; x and y in metres.
        lengths: of the path up to each point.
    """

    points: Float64[ndarray, "N 2"]
    lengths: Float64[ndarray, " N"]

    def at(self, distance_m: float) -> tuple[float, float, float]:
        """x, y and the heading (degrees, counter-clockwise from east) after a distance, over any rounds."""
        total = self.lengths[-1]
        x, y = self._position(distance_m % total)
        step = 0.15  # headings over a short chord turn smoothly where the points make corners
        ahead, behind = (
            self._position((distance_m + step) % total),
            self._position((distance_m - step) % total),
        )
        return float(x), float(y), float(np.degrees(np.arctan2(ahead[1] - behind[1], ahead[0] - behind[0])))

    def _position(self, distance_m: float) -> tuple[float, float]:
        x, y = (float(np.interp(distance_m, self.lengths, self.points[:, axis])) for axis in (0, 1))
        return x, y


def rounded_loop(corners: list[tuple[float, float]], radius_m: float) -> Loop:
    """A closed polygon whose corners are arcs of a circle.

    Args:
        corners: in order; none of them may be straight.
        radius_m: of the arcs; sides must be long enough to hold them.
    """
    vertices = np.array(corners, np.float64)
    points = []
    for index, corner in enumerate(vertices):
        before = _unit(vertices[index - 1] - corner)
        after = _unit(vertices[(index + 1) % len(vertices)] - corner)
        half = np.arccos(np.clip(before @ after, -1, 1)) / 2
        center = corner + _unit(before + after) * radius_m / np.sin(half)
        first, last = corner + before * radius_m / np.tan(half), corner + after * radius_m / np.tan(half)
        start, end = (np.arctan2(*(point - center)[::-1]) for point in (first, last))
        turn = (end - start + np.pi) % (2 * np.pi) - np.pi
        angles = start + turn * np.linspace(0, 1, 33)
        points.append(center + radius_m * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return _closed(np.concatenate(points))


def circle(center: tuple[float, float], radius_m: float) -> Loop:
    """A circle, counter-clockwise, that starts east of its centre."""
    angles = np.linspace(0, 2 * np.pi, 721)[:-1]
    return _closed(np.array(center) + radius_m * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def there_and_back(points: Float64[ndarray, "N 2"]) -> Loop:
    """A line's points, closely spaced, and the same way back: for what does not get to its end."""
    return _closed(np.concatenate([points, points[-2:0:-1]]))


def travel(loop: Loop, speed: float, start_m: float = 0.0, z: Number | Ground = 0.0) -> Motion:
    """Along a path, facing ahead; for things that are built facing -y.

    Args:
        loop: the path.
        speed: metres per second.
        start_m: how far along it is at time 0.
        z: height of the thing's own origin in metres, or the ground that it is on.
    """

    def motion(time_s: float) -> Float64[ndarray, "4 4"]:
        x, y, heading = loop.at(start_m + speed * time_s)
        return pose((x, y, z(x, y) if callable(z) else z), yaw=heading + 90)

    return motion


def turning_wheel(hub: Vector, radius_m: float, speed: float) -> Motion:
    """A wheel of a vehicle that faces -y; its axle is x. The ground is not slipped on."""

    def motion(time_s: float) -> Float64[ndarray, "4 4"]:
        return pose(hub, roll=float(np.degrees(speed * time_s / radius_m)))

    return motion


def rolling_ball(loop: Loop, radius_m: float, speed: float, start_m: float = 0.0) -> Motion:
    """A ball that rolls along a path, its spin about the horizontal axis across the path."""

    def motion(time_s: float) -> Float64[ndarray, "4 4"]:
        distance = start_m + speed * time_s
        x, y, heading = loop.at(distance)
        return pose((x, y, radius_m), yaw=heading) @ pose(pitch=float(np.degrees(distance / radius_m)))

    return motion


def swing(
    at: Vector,
    amplitude_deg: Number,
    period_s: float,
    *,
    phase: float = 0.0,
    middle_deg: Number = 0.0,
) -> Motion:
    """A limb that swings about the x axis of its joint; positive is forward (-y) for a limb that hangs down.

    Args:
        at: the joint in the parent's frame, metres.
        amplitude_deg: degrees to each side.
        period_s: seconds.
        phase: in periods.
        middle_deg: about which it swings.
    """

    def motion(time_s: float) -> Float64[ndarray, "4 4"]:
        angle = middle_deg + amplitude_deg * np.sin(2 * np.pi * (time_s / period_s + phase))
        return pose(at, roll=-float(angle))

    return motion


def bobbing(base: Motion, height_m: float, period_s: float) -> Motion:
    """Another motion with a rise and fall on top: what walking does to a body."""

    def motion(time_s: float) -> Float64[ndarray, "4 4"]:
        return base(time_s) @ pose((0.0, 0.0, float(height_m * np.cos(2 * np.pi * time_s / period_s))))

    return motion


def steady(time_s: float) -> float:
    """The pace of what never stops."""
    return time_s


def stop_and_go(go_s: float, stand_s: float, start_s: float = 0.0) -> Pace:
    """The pace of what moves for a while, stands still for a while, and so on; it starts and stops softly.

    Args:
        go_s: seconds under way, of which the first and the last 0.15 s are slower.
        stand_s: seconds at rest.
        start_s: how long it has been under way at time 0.
    """
    ramp = 0.15
    times = np.linspace(0.0, go_s, 201)
    speeds = np.clip(np.minimum(times, go_s - times) / ramp, 0, 1)
    moved = np.concatenate([[0.0], np.cumsum((speeds[1:] + speeds[:-1]) / 2 * np.diff(times))])

    def pace(time_s: float) -> float:
        rounds, within = divmod(time_s + start_s, go_s + stand_s)
        return float(rounds * moved[-1] + np.interp(within, times, moved))

    return pace


def one_stop(brake_s: float, stand_s: float, ramp_s: float) -> Pace:
    """The pace of what moves, brakes evenly, stands still, and gets evenly under way again.

    Args:
        brake_s: when it begins to brake.
        stand_s: seconds at rest.
        ramp_s: seconds that braking takes, and starting.
    """

    def pace(time_s: float) -> float:
        since = time_s - brake_s
        braked = min(max(since, 0.0), ramp_s)
        stood = min(max(since - ramp_s, 0.0), stand_s)
        started = min(max(since - ramp_s - stand_s, 0.0), ramp_s)
        return time_s - braked**2 / (2 * ramp_s) - stood - started + started**2 / (2 * ramp_s)

    return pace


def paced(motion: Motion, pace: Pace) -> Motion:
    """A motion at another pace."""
    return lambda time_s: motion(pace(time_s))


def _closed(points: Float64[ndarray, "N 2"]) -> Loop:
    points = np.concatenate([points, points[:1]])
    steps = np.hypot(*np.diff(points, axis=0).T)
    return Loop(points, np.concatenate([[0.0], np.cumsum(steps)]))


def _unit(vector: Float64[ndarray, "2"]) -> Float64[ndarray, "2"]:
    return vector / np.linalg.norm(vector)
