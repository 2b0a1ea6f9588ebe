"""Pairs of frames that a predictor of motion learns from, and the videos they are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core.geometry import invert_se3, transform_points, unproject_points
from scene.capture import Capture

Z_FAR_M = 80.0
"""Depths beyond it teach no geometry."""


@dataclass(frozen=True)
class MotionView:
    """One frame of a pair.

    Args:
        image: 8-bit sRGB.
        K: intrinsics in pixels.
        depths: z-depth in world units, 0 = none.
        dynamic: True where something moves.
        labelled: True where `dynamic` is known.
    """

    image: UInt8[Tensor, "H W 3"]
    K: Float[Tensor, "3 3"]
    depths: Float[Tensor, "H W"]
    dynamic: Bool[Tensor, "H W"]
    labelled: Bool[Tensor, "H W"]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def points(self) -> Float[Tensor, "H W 3"]:
        """What each pixel shows, in the camera's own axes; the origin where there is no depth."""
        width, height = self.size
        rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        pixels = torch.stack([columns, rows], dim=-1).reshape(-1, 2).to(self.K)
        identity = torch.eye(4, dtype=self.K.dtype)
        return unproject_points(pixels, self.depths.reshape(-1), identity, self.K).view(height, width, 3)


@dataclass(frozen=True)
class MotionPair:
    """Two frames of a video.

    Args:
        first: the frame whose camera's axes points are told in.
        second: the other one; its size may differ.
        first_from_second: rigid transform between the cameras' axes.
    """

    first: MotionView
    second: MotionView
    first_from_second: Float[Tensor, "4 4"]

    def reversed(self) -> "MotionPair":
        """The same frames the other way round."""
        return MotionPair(self.second, self.first, invert_se3(self.first_from_second))

    def second_points(self) -> Float[Tensor, "h w 3"]:
        """What the pixels of the second frame show, in the axes of the first camera."""
        points = self.second.points()
        return transform_points(self.first_from_second, points.reshape(-1, 3)).view_as(points)


@runtime_checkable
class MotionVideos(Protocol):
    """Videos with cameras, depth, and labels of what moves."""

    @property
    def names(self) -> Sequence[str]:
        """Of the videos."""
        ...

    @property
    def frame_counts(self) -> Sequence[int]:
        """Frames of each video."""
        ...

    def pair(self, video: int, first: int, second: int) -> MotionPair:
        """Two frames of a video; the order of time may be either."""
        ...


class CaptureVideos:
    """Captures whose images are frames, with depth and dynamic masks: procedural videos, Sintel.

    A mask says that a thing moves somewhere in the video, not that it moves between the two frames at hand.

    Args:
        captures: one a video.
        z_far: in world units; what is farther has no depth here, and keeps its label.

    Raises:
        ValueError: a capture has no depth or no dynamic masks.
    """

    def __init__(self, captures: Sequence[Capture], z_far: float = Z_FAR_M) -> None:
        for capture in captures:
            if capture.inverse_depths is None or capture.dynamic_masks is None:
                raise ValueError(f"{capture.name}: depth and dynamic masks of every frame were expected")
        self.captures = tuple(captures)
        self.z_far = z_far

    @property
    def names(self) -> Sequence[str]:
        """Of the captures."""
        return [capture.name for capture in self.captures]

    @property
    def frame_counts(self) -> Sequence[int]:
        """Frames of each video."""
        return [len(capture) for capture in self.captures]

    def pair(self, video: int, first: int, second: int) -> MotionPair:
        """Two frames of a video."""
        capture = self.captures[video]
        viewmats = capture.cameras.viewmats[[first, second]]
        first_from_second = viewmats[0] @ invert_se3(viewmats[1])
        return MotionPair(
            self._view(capture, first), self._view(capture, second), first_from_second.to(torch.float32)
        )

    def _view(self, capture: Capture, frame: int) -> MotionView:
        image = capture.images[frame]
        inverse = capture.inverse_depths[frame] if capture.inverse_depths is not None else None
        dynamic = capture.dynamic_masks[frame] if capture.dynamic_masks is not None else None
        if dynamic is None:
            raise ValueError(f"{capture.name}: frame {frame} has no dynamic mask")
        depths = torch.zeros(image.shape[:2])
        if inverse is not None:
            near = inverse * self.z_far >= 1
            depths[near] = 1 / inverse[near]
        valid = capture.valid_masks[frame] if capture.valid_masks is not None else None
        labelled = torch.ones_like(dynamic) if valid is None else valid
        return MotionView(image, capture.cameras.Ks[frame].float(), depths, dynamic, labelled)


@dataclass(frozen=True)
class PairRule:
    """Which two frames of a video make a pair."""

    smallest_stride: int = 1
    """Fewest frames from the first to the second."""
    largest_stride: int = 9
    """Most frames from the first to the second; drawn twice as often as the smallest."""
    clip_step: int = 2
    """Frames between two places where a pair may begin."""

    def __post_init__(self) -> None:
        if not 1 <= self.smallest_stride <= self.largest_stride:
            raise ValueError(
                f"smallest_stride and largest_stride: 1 <= {self.smallest_stride} <= {self.largest_stride} "
                "was expected"
            )
        if self.clip_step < 1:
            raise ValueError(f"clip_step: at least 1 was expected, got {self.clip_step}")


class PairDraw:
    """Draws (video, first, second): a stride, the larger the likelier, then a place uniformly.

    Args:
        frame_counts: frames of each video.
        rule: what a pair is.

    Raises:
        ValueError: no video is long enough for any stride.
    """

    def __init__(self, frame_counts: Sequence[int], rule: PairRule) -> None:
        strides = torch.arange(rule.smallest_stride, rule.largest_stride + 1)
        weights = torch.linspace(1, 2, len(strides), dtype=torch.float64)
        # Places in a video for each stride [S, V]; those of all videos are counted through.
        counts = torch.tensor(list(frame_counts), dtype=torch.int64)
        places = ((counts - strides[:, None] - 1).div(rule.clip_step, rounding_mode="floor") + 1).clamp(min=0)
        possible = places.sum(dim=1) > 0
        if not bool(possible.any()):
            raise ValueError(
                f"a video of more than {rule.smallest_stride} frames was expected, got {list(frame_counts)}"
            )
        self._strides, self._weights = strides[possible], weights[possible]
        self._ends = places[possible].cumsum(dim=1)
        self._step = rule.clip_step

    def __call__(self, count: int, generator: torch.Generator) -> list[tuple[int, int, int]]:
        """That many pairs, with repetition."""
        rows = torch.multinomial(self._weights, count, replacement=True, generator=generator)
        chances = torch.rand(count, dtype=torch.float64, generator=generator)
        return [self._at(int(row), float(chance)) for row, chance in zip(rows, chances, strict=True)]

    def _at(self, row: int, chance: float) -> tuple[int, int, int]:
        ends = self._ends[row]
        place = int(chance * int(ends[-1]))
        video = int(torch.searchsorted(ends, place, right=True))
        first = self._step * (place - (int(ends[video - 1]) if video else 0))
        return video, first, first + int(self._strides[row])
