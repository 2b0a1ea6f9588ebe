"""Pairs of frames as the network takes them: drawn, augmented and stacked, some steps ahead of their use."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.randomness import generator
from scene.motion_pairs import Z_FAR_M, MotionPair, MotionVideos, MotionView, PairDraw, PairRule
from scene.pair_augmentation import NO_AUGMENTATION, Augmentation, augmented

_AHEAD = 2  # steps whose pairs are being loaded while one is computed
_TEST_SEED = 777  # of the pairs that are scored, whatever the run's seed


@dataclass(frozen=True)
class PairDataConfig:
    """Which pairs of frames are seen, and how."""

    resolutions: tuple[tuple[int, int], ...] = ((512, 288), (512, 384), (512, 336))
    """Widths and heights in pixels, multiples of the patch; each step has one. They are exchanged for
    portrait frames."""
    pairs: PairRule = PairRule()
    """Which frames make a pair."""
    augmentation: Augmentation = Augmentation()
    """Random changes."""
    z_far: float = Z_FAR_M
    """Depths beyond it, in world units, count as unknown."""
    test_resolution: tuple[int, int] = (512, 288)
    """Width and height in pixels of the held-out pairs."""
    test_pairs: int = 200
    """Held-out pairs that are scored."""
    loaders: int = 4
    """Threads that load and change images."""

    def __post_init__(self) -> None:
        if not self.resolutions:
            raise ValueError("resolutions: at least one width and height was expected")
        for name, least in (("test_pairs", 0), ("loaders", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: at least {least} was expected, got {getattr(self, name)}")


@dataclass(frozen=True)
class PairTargets:
    """The truth about B pairs, for one of their two orders.

    Args:
        points_1: of the first image's pixels, in its camera's axes.
        points_2: of the second image's pixels, in the first camera's axes.
        valid_1: where points are known.
        valid_2: likewise.
        dynamic_1: what moves.
        dynamic_2: likewise.
        labelled_1: where that is known.
        labelled_2: likewise.
    """

    points_1: Float[Tensor, "B H W 3"]
    points_2: Float[Tensor, "B h w 3"]
    valid_1: Bool[Tensor, "B H W"]
    valid_2: Bool[Tensor, "B h w"]
    dynamic_1: Bool[Tensor, "B H W"]
    dynamic_2: Bool[Tensor, "B h w"]
    labelled_1: Bool[Tensor, "B H W"]
    labelled_2: Bool[Tensor, "B h w"]

    @staticmethod
    def of(pairs: Sequence[MotionPair]) -> "PairTargets":
        """The truth about pairs of one size."""

        def stack(name: str) -> tuple[Tensor, Tensor]:
            return (
                torch.stack([getattr(pair.first, name) for pair in pairs]),
                torch.stack([getattr(pair.second, name) for pair in pairs]),
            )

        (depths_1, depths_2), dynamic, labelled = stack("depths"), stack("dynamic"), stack("labelled")
        return PairTargets(
            torch.stack([pair.first.points() for pair in pairs]),
            torch.stack([pair.second_points() for pair in pairs]),
            depths_1 > 0,
            depths_2 > 0,
            *dynamic,
            *labelled,
        )

    def to(self, device: torch.device) -> "PairTargets":
        """The same on a device."""
        return PairTargets(**{name: tensor.to(device) for name, tensor in vars(self).items()})


@dataclass(frozen=True)
class PairBatch:
    """B pairs of images of one size, to be looked at in both orders.

    Args:
        images_1: RGB in [-1, 1].
        images_2: likewise.
        forward: the truth with `images_1` first.
        backward: the truth with `images_2` first.
    """

    images_1: Float[Tensor, "B 3 H W"]
    images_2: Float[Tensor, "B 3 h w"]
    forward: PairTargets
    backward: PairTargets

    @staticmethod
    def of(pairs: Sequence[MotionPair]) -> "PairBatch":
        """Pairs of one size."""
        return PairBatch(
            torch.stack([_planes(pair.first) for pair in pairs]),
            torch.stack([_planes(pair.second) for pair in pairs]),
            PairTargets.of(pairs),
            PairTargets.of([pair.reversed() for pair in pairs]),
        )

    def to(self, device: torch.device) -> "PairBatch":
        """The same on a device."""
        return PairBatch(
            self.images_1.to(device),
            self.images_2.to(device),
            self.forward.to(device),
            self.backward.to(device),
        )


def _planes(view: MotionView) -> Float[Tensor, "3 H W"]:
    return view.image.permute(2, 0, 1).float() / 127.5 - 1


def batched(pairs: Sequence[MotionPair]) -> list[PairBatch]:
    """Pairs stacked with those of their size: landscape and portrait ones apart."""
    by_size: dict[tuple[tuple[int, int], tuple[int, int]], list[MotionPair]] = {}
    for pair in pairs:
        by_size.setdefault((pair.first.size, pair.second.size), []).append(pair)
    return [PairBatch.of(alike) for alike in by_size.values()]


class PairLoader:
    """The batches of every step, as a function of (seed, step).

    Args:
        videos: where pairs come from.
        config: which, and how.
        batch_size: pairs a step, over all processes.
        seed: of the run.
        rank: of this process, which takes every `processes`-th pair.
        processes: how many share a step.
        parts: that each process takes its pairs of a step in.
    """

    def __init__(
        self,
        videos: MotionVideos,
        config: PairDataConfig,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
        parts: int = 1,
    ) -> None:
        self.videos = videos
        self.config = config
        self.batch_size = batch_size
        self.seed = seed
        self._mine = range(rank, batch_size, processes)
        self._part = -(-len(self._mine) // parts)
        self._draw = PairDraw(videos.frame_counts, config.pairs)

    def batches(self, first_step: int) -> Iterator[list[PairBatch]]:
        """Those of `first_step`, of the step after it, and so on."""
        with ThreadPoolExecutor(self.config.loaders) as pool:
            loading: deque[list[Future[MotionPair]]] = deque()
            step = first_step
            try:
                while True:
                    while len(loading) <= _AHEAD:
                        loading.append(self._start(pool, step))
                        step += 1
                    pairs = [future.result() for future in loading.popleft()]
                    parts = (pairs[first : first + self._part] for first in range(0, len(pairs), self._part))
                    yield [batch for part in parts for batch in batched(part)]
            finally:
                for futures in loading:
                    for future in futures:
                        future.cancel()

    def _start(self, pool: ThreadPoolExecutor, step: int) -> list[Future[MotionPair]]:
        drawn = generator(self.seed, "pairs", step)
        places = self._draw(self.batch_size, drawn)
        choice = int(torch.randint(len(self.config.resolutions), (1,), generator=drawn))
        size = self.config.resolutions[choice]
        return [pool.submit(self._load, places[k], size, step * self.batch_size + k) for k in self._mine]

    def _load(self, place: tuple[int, int, int], size: tuple[int, int], number: int) -> MotionPair:
        random = generator(self.seed, "augmentation", number)
        return load_pair(self.videos, place, size, self.config.augmentation, random)


def load_pair(
    videos: MotionVideos,
    place: tuple[int, int, int],
    size: tuple[int, int],
    augmentation: Augmentation,
    random: torch.Generator,
) -> MotionPair:
    """A pair of frames at a size, each changed on its own.

    Args:
        videos: where it comes from.
        place: the video and its two frames.
        size: width and height in pixels.
        augmentation: what may be changed.
        random: of the changes.
    """
    pair = videos.pair(*place)
    return MotionPair(
        augmented(pair.first, size, augmentation, random),
        augmented(pair.second, size, augmentation, random),
        pair.first_from_second,
    )


class HeldOutPairs:
    """Held-out pairs, the same in every run, cropped and scaled but not augmented.

    Args:
        videos: where they come from.
        config: how many, of which size.
    """

    def __init__(self, videos: MotionVideos, config: PairDataConfig) -> None:
        draw = PairDraw(videos.frame_counts, config.pairs)
        self.places = draw(config.test_pairs, generator(_TEST_SEED, "test pairs"))
        self.videos = videos
        self.config = config

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> MotionPair:
        if not 0 <= index < len(self.places):
            raise IndexError(index)
        random = generator(_TEST_SEED, "test pair", index)  # nothing is left to it
        return load_pair(
            self.videos, self.places[index], self.config.test_resolution, NO_AUGMENTATION, random
        )
