"""Batches of pairs: a function of (seed, step), stacked by size, shared among processes."""

from itertools import islice

import pytest
import torch

from scene.motion_pairs import CaptureVideos, MotionPair, PairRule
from tests.scene.motions import moving_capture, moving_view
from training.predictor_batches import HeldOutPairs, PairBatch, PairDataConfig, PairLoader, batched

CONFIG = PairDataConfig(
    resolutions=((48, 32), (32, 32)),
    test_resolution=(48, 32),
    test_pairs=5,
    loaders=2,
    pairs=PairRule(1, 2, 1),
)


def videos() -> CaptureVideos:
    return CaptureVideos([moving_capture(4), moving_capture(5, name="portrait", width=48, height=64)])


def loader(seed: int = 0, rank: int = 0, processes: int = 1) -> PairLoader:
    return PairLoader(videos(), CONFIG, batch_size=4, seed=seed, rank=rank, processes=processes)


def tensors(batches: list[PairBatch]) -> list[torch.Tensor]:
    return [
        tensor
        for batch in batches
        for tensor in (batch.images_1, batch.images_2, *vars(batch.forward).values())
    ]


def same(one: list[PairBatch], two: list[PairBatch]) -> bool:
    mine, theirs = tensors(one), tensors(two)
    return len(mine) == len(theirs) and all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_a_step_has_the_same_pairs_whenever_it_is_asked_for() -> None:
    whole = list(islice(loader().batches(1), 6))
    late = list(islice(loader().batches(4), 3))
    for one, two in zip(whole[3:], late, strict=True):
        assert same(one, two)
    assert not same(whole[0], whole[1])
    assert not same(whole[0], next(loader(seed=1).batches(1)))


def test_processes_share_the_pairs_of_a_step() -> None:
    whole = next(loader().batches(3))
    shares = [next(loader(rank=rank, processes=2).batches(3)) for rank in range(2)]
    images = {tuple(image.flatten()[:50].tolist()) for batch in whole for image in batch.images_1}
    parts = [
        {tuple(image.flatten()[:50].tolist()) for batch in share for image in batch.images_1}
        for share in shares
    ]
    assert parts[0] | parts[1] == images
    assert sum(batch.images_1.shape[0] for share in shares for batch in share) == 4


def test_portrait_and_landscape_frames_are_apart() -> None:
    shapes = {tuple(batch.images_1.shape[2:]) for step in islice(loader().batches(1), 8) for batch in step}
    assert shapes == {(32, 48), (48, 32), (32, 32)}


def test_images_lie_between_minus_one_and_one() -> None:
    view = moving_view(16, 16)
    batch = PairBatch.of([MotionPair(view, view, torch.eye(4))])
    assert torch.allclose(batch.images_1[0].permute(1, 2, 0) * 127.5 + 127.5, view.image.float(), atol=1e-4)


def test_the_truth_is_told_for_both_orders() -> None:
    transform = torch.eye(4)
    transform[:3, 3] = torch.tensor([0.3, -0.1, 0.2])
    pair = MotionPair(moving_view(16, 16, 1), moving_view(16, 16, 2), transform)
    batch = batched([pair, pair])[0]
    assert torch.equal(batch.forward.dynamic_1, batch.backward.dynamic_2)
    assert torch.equal(batch.forward.labelled_2, batch.backward.labelled_1)
    assert torch.equal(batch.backward.points_1[0], pair.second.points())
    assert torch.allclose(batch.forward.points_2, batch.backward.points_1 + transform[:3, 3], atol=1e-5)
    assert bool(batch.forward.valid_1.all())


def test_held_out_pairs_are_always_the_same() -> None:
    once, again = HeldOutPairs(videos(), CONFIG), HeldOutPairs(videos(), CONFIG)
    assert len(once) == 5
    assert once.places == again.places
    assert torch.equal(once[3].first.image, again[3].first.image)
    assert once[0].first.size in {(48, 32), (32, 48)}
    with pytest.raises(IndexError):
        once[5]


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="resolutions"):
        PairDataConfig(resolutions=())
    with pytest.raises(ValueError, match="loaders"):
        PairDataConfig(loaders=0)
