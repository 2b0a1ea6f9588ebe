"""Samples in an order that depends on the seed alone, shared by processes without overlap."""

from itertools import islice

import pytest
import torch

from core.distributed import Team
from core.errors import UserError
from training.loop import LoopConfig
from training.sample_batches import Part, SampleLoader, evenly_chosen, with_evaluations

CPU = torch.device("cpu")


def loader(rank: int = 0, size: int = 1, accumulate: int = 1, count: int = 10, seed: int = 0) -> SampleLoader:
    return SampleLoader(
        count,
        lambda index, random: (index, float(torch.rand((), generator=random))),
        batch_size=4,
        accumulate=accumulate,
        seed=seed,
        team=Team(rank, size, CPU),
    )


def steps(of: SampleLoader, first: int, count: int) -> list[list[Part]]:
    return list(islice(of.batches(first), count))


def samples(parts: list[Part]) -> list:
    return [sample for part in parts for sample in part.samples]


def test_every_sample_is_taken_once_an_epoch_but_for_those_that_fill_no_batch() -> None:
    assert loader().steps_per_epoch == 2
    epochs = steps(loader(), 1, 4)
    first, second = (
        [index for parts in epoch for index, _ in samples(parts)] for epoch in (epochs[:2], epochs[2:])
    )
    assert len(set(first)) == len(set(second)) == 8
    assert first != second


def test_data_are_a_function_of_seed_and_step() -> None:
    whole = steps(loader(), 1, 6)
    assert steps(loader(), 4, 3) == whole[3:]
    assert steps(loader(seed=1), 1, 6) != whole


@pytest.mark.parametrize(("size", "accumulate"), [(2, 1), (1, 2), (2, 2), (4, 1)])
def test_processes_and_parts_share_the_samples_of_one(size: int, accumulate: int) -> None:
    (alone,) = steps(loader(), 3, 1)
    members = [steps(loader(rank, size, accumulate), 3, 1)[0] for rank in range(size)]
    assert [sample for parts in members for sample in samples(parts)] == samples(alone)
    parts = [part for member in members for part in member]
    assert {len(member) for member in members} == {accumulate}
    assert sum(part.share for part in parts) == 1
    numbers = [part.number + row for part in parts for row in range(len(part.samples))]
    assert numbers == [8, 9, 10, 11]  # the third step's, of all samples


def test_fewer_samples_than_a_batch_are_taken_again() -> None:
    (parts,) = steps(loader(count=3), 1, 1)
    taken = [index for index, _ in samples(parts)]
    assert set(taken) == {0, 1, 2}
    assert taken[3] == taken[0]


def test_a_batch_that_does_not_divide_is_told() -> None:
    with pytest.raises(UserError, match=r"--batch-size 4 does not divide into 3 .* a multiple of 3"):
        loader(size=3)


def test_what_a_sample_raises_arrives() -> None:
    def broken(index: int, _: torch.Generator) -> int:
        raise UserError(f"sample {index} is damaged")

    failing = SampleLoader(4, broken, batch_size=2, accumulate=1, seed=0, team=Team(0, 1, CPU))
    with pytest.raises(UserError, match=r"sample \d is damaged"):
        next(failing.batches(1))


def test_samples_to_score_on_are_evenly_spread() -> None:
    assert evenly_chosen(10, 0) == evenly_chosen(10, 10) == evenly_chosen(10, 99) == list(range(10))
    assert evenly_chosen(10, 2) == [2, 7]
    assert evenly_chosen(1000, 64) == sorted(set(evenly_chosen(1000, 64)))


def test_evaluations_follow_every_epoch_and_those_that_were_named() -> None:
    loop = with_evaluations(LoopConfig(test_iterations=(5, 6)), every=3, steps=10)
    assert loop.test_iterations == (3, 5, 6, 9)
