"""The samples of every step of a network's training, loaded ahead by threads."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch

from core.distributed import Team
from core.errors import UserError
from core.randomness import generator
from training.loop import LoopConfig

SampleT = TypeVar("SampleT")

_AHEAD = 2
"""Steps that are loaded before they are asked for."""


@dataclass(frozen=True)
class Part(Generic[SampleT]):
    """Samples that go through a network together.

    Args:
        samples: what was loaded.
        number: of the first one, counted over all samples of all steps: what is drawn at random for it is a
            function of the seed and this.
        share: of the step's samples.
    """

    samples: tuple[SampleT, ...]
    number: int
    share: float


class SampleLoader(Generic[SampleT]):
    """Draws samples epoch by epoch, each once an epoch; which ones is a function of the seed and the step.

    Args:
        count: how many samples there are.
        load: a sample by its index, with a generator for its augmentation.
        batch_size: samples a step, over all processes.
        accumulate: parts that each process takes its samples of a step in.
        seed: of the run.
        team: the processes, which share each step.
        threads: that load.

    Raises:
        UserError: the batch size does not divide into processes and parts.
    """

    def __init__(
        self,
        count: int,
        load: Callable[[int, torch.Generator], SampleT],
        *,
        batch_size: int,
        accumulate: int,
        seed: int,
        team: Team,
        threads: int = 2,
    ) -> None:
        if batch_size % (team.size * accumulate):
            raise UserError(
                f"--batch-size {batch_size} does not divide into {team.size} processes times --accumulate "
                f"{accumulate}; choose a multiple of {team.size * accumulate}"
            )
        self.count = count
        self.load = load
        self.batch_size = batch_size
        self.part_size = batch_size // (team.size * accumulate)
        self.seed = seed
        self.team = team
        self.threads = threads

    @property
    def steps_per_epoch(self) -> int:
        """Steps until every sample was seen; those that fill no batch wait for another epoch."""
        return max(1, self.count // self.batch_size)

    def batches(self, first_step: int) -> Iterator[list[Part[SampleT]]]:
        """This process's parts of `first_step`, of the step after it, and so on."""
        with ThreadPoolExecutor(self.threads) as pool:
            loading: deque[list[tuple[int, Future[SampleT]]]] = deque()
            step = first_step
            try:
                while True:
                    while len(loading) <= _AHEAD:
                        loading.append(self._start(pool, step))
                        step += 1
                    yield self._parts([(number, future.result()) for number, future in loading.popleft()])
            finally:
                for futures in loading:
                    for _, future in futures:
                        future.cancel()

    def _start(self, pool: ThreadPoolExecutor, step: int) -> list[tuple[int, Future[SampleT]]]:
        # A process takes samples that follow one another, so that parts are the same for any number of them.
        mine = self.batch_size // self.team.size
        numbers = range(self.team.rank * mine, (self.team.rank + 1) * mine)
        epoch, place = divmod(step - 1, self.steps_per_epoch)
        order = torch.randperm(self.count, generator=generator(self.seed, "order", epoch))
        started: list[tuple[int, Future[SampleT]]] = []
        for row in numbers:
            index = int(order[(place * self.batch_size + row) % self.count])
            number = (step - 1) * self.batch_size + row
            random = generator(self.seed, "augmentation", number)
            started.append((number, pool.submit(self.load, index, random)))
        return started

    def _parts(self, loaded: list[tuple[int, SampleT]]) -> list[Part[SampleT]]:
        parts = (loaded[first : first + self.part_size] for first in range(0, len(loaded), self.part_size))
        return [
            Part(tuple(sample for _, sample in part), part[0][0], len(part) / self.batch_size)
            for part in parts
        ]


def evenly_chosen(count: int, wanted: int) -> list[int]:
    """Places of samples to score on, evenly spread over all; 0 wanted = all."""
    if not wanted or wanted >= count:
        return list(range(count))
    return [(2 * k + 1) * count // (2 * wanted) for k in range(wanted)]


def with_evaluations(loop: LoopConfig, every: int, steps: int) -> LoopConfig:
    """The loop with an evaluation after every so many steps, beside those that it names."""
    return replace(
        loop, test_iterations=tuple(sorted({*loop.test_iterations, *range(every, steps + 1, every)}))
    )
