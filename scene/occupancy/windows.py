"""Windows that slide over scenes: what a model sees at a time. Mirrored and reversed ones stay true."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor

from core.errors import UserError
from core.randomness import generator
from scene.occupancy.scenes import OccupancyScene
from scene.occupancy.sequence import Occupancy

FLIP_X, FLIP_Y, REVERSE = 1, 2, 4
"""Bits of an augmentation."""


class Windows:
    """All windows of a length over scenes, in the order of scenes and of time.

    Args:
        scenes: those that are shorter than a window have none.
        length: frames of a window.
        skip: frames left out between two of a window.
        stride: frames from the start of one window to that of the next.

    Raises:
        UserError: no scene is long enough for a single window.
    """

    def __init__(self, scenes: Sequence[OccupancyScene], length: int, skip: int = 0, stride: int = 1) -> None:
        if length < 1 or skip < 0 or stride < 1:
            raise ValueError(f"length {length}, skip {skip}, stride {stride}: 1, 0 and 1 are the least")
        self.length = length
        self._step = skip + 1
        span = length * self._step - skip
        self._places = [
            (scene, first) for scene in scenes for first in range(0, len(scene) - span + 1, stride)
        ]
        if not self._places:
            longest = max((len(scene) for scene in scenes), default=0)
            raise UserError(
                f"a window takes {span} frames in a row and the longest scene has {longest}; "
                "choose shorter windows or longer scenes"
            )

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Occupancy:
        scene, first = self._places[index]
        return scene.read(range(first, first + self.length * self._step, self._step))

    def place(self, index: int) -> tuple[OccupancyScene, int]:
        """The scene of a window and its first frame's place there."""
        return self._places[index]

    def order(self, seed: int, epoch: int) -> Int64[Tensor, " N"]:
        """Indices of all windows in the order that an epoch takes them; a function of seed and epoch."""
        return torch.randperm(len(self), generator=generator(seed, "order of windows", epoch))


def draw_augmentation(source: torch.Generator, probability: float = 1.0) -> int:
    """Bits of an augmentation: with this probability one of the eight, else none."""
    draws = torch.rand((), generator=source), torch.randint(8, (), generator=source)
    return int(draws[1]) if float(draws[0]) < probability else 0


def augment(window: Occupancy, bits: int) -> Occupancy:
    """Mirror a window front to back (bit 0), left to right (bit 1), let its time run backwards (bit 2).

    Poses follow: with M the mirror, the pose P becomes M P M, so that the voxels of all frames still meet in
    one world, the mirrored one. A vehicle that is mirrored front to back, or whose time runs backwards,
    drives in reverse; with both it drives ahead.

    Args:
        window: what to change.
        bits: 0 to 7.

    Raises:
        ValueError: a grid is to be mirrored in whose middle the vehicle is not, so that poses had no meaning.
    """
    mirror = torch.ones(4, dtype=torch.float64)
    dims = []
    for axis, bit in enumerate((FLIP_X, FLIP_Y)):
        if bits & bit:
            _check_middle(window, axis)
            mirror[axis] = -1
            dims.append(axis + 1)
    poses = window.world_from_ego
    mirrored = replace(
        window,
        classes=window.classes.flip(dims),
        invalid=None if window.invalid is None else window.invalid.flip(dims),
        world_from_ego=None if poses is None else mirror.to(poses)[:, None] * poses * mirror.to(poses),
    )
    return _reversed(mirrored) if bits & REVERSE else mirrored


def _check_middle(window: Occupancy, axis: int) -> None:
    offset = window.grid.off_centre_m(axis)
    if abs(offset) > 1e-3 * window.grid.voxel_m[axis]:
        raise ValueError(f"a grid whose middle is {offset:g} m off the vehicle cannot be mirrored")


def _reversed(window: Occupancy) -> Occupancy:
    poses = window.world_from_ego
    return replace(
        window,
        classes=window.classes.flip(0),
        invalid=None if window.invalid is None else window.invalid.flip(0),
        world_from_ego=None if poses is None else poses.flip(0),
        frame_names=window.frame_names[::-1],
    )
