"""Order of the data, views at several sizes, and the depth term."""

from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import losses
from tests.training.captures import HEIGHT, WIDTH, tiny_capture
from training.photometric import LossConfig, TrainingViews, depth_loss, order


@given(st.integers(1, 12), st.integers(0, 99), st.integers(1, 60))
def test_the_order_is_a_function_of_seed_and_step(count: int, seed: int, first: int) -> None:
    whole = list(islice(order(count, seed, 1), 80))
    assert list(islice(order(count, seed, first), 80 - first + 1)) == whole[first - 1 :]


@given(st.integers(1, 12), st.integers(0, 99))
def test_every_epoch_has_every_view_once(count: int, seed: int) -> None:
    rows = list(islice(order(count, seed, 1), 3 * count))
    for epoch in range(3):
        assert sorted(rows[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_epochs_and_seeds_differ() -> None:
    rows = list(islice(order(20, 0, 1), 40))
    assert rows[:20] != rows[20:]
    assert rows[:20] != list(islice(order(20, 1, 1), 20))


def test_a_view_is_the_photograph() -> None:
    capture = tiny_capture()
    views = TrainingViews(capture, [1, 3], cache_mb=64)
    view = views.get(1)
    assert torch.equal(view.target.permute(1, 2, 0), capture.images[3])
    assert view.target.is_contiguous()
    assert torch.equal(view.cameras.viewmats[0], capture.cameras.viewmats[3])
    assert view.weights is None
    assert view.inverse_depth is None
    assert view.moments is not None
    torch.testing.assert_close(view.moments, losses.ssim_moments(view.target))
    assert views.get(1) is view
    assert len(views) == 2


def test_looking_at_a_full_view_forgets_no_smaller_one() -> None:
    views = TrainingViews(tiny_capture(), range(6), cache_mb=1)
    small = views.get(2, 1)
    full = views.full(2)
    assert full.target.shape[1:] == (HEIGHT, WIDTH)
    assert views.get(2, 1) is small
    assert torch.equal(views.get(2).target, full.target)
    assert views.full(2) is views.get(2)


def test_moments_are_kept_for_as_many_views_as_fit() -> None:
    capture = tiny_capture()
    # A view of 32 x 24 has 18 KiB of moments: 1 MiB holds all six, 0 MiB none.
    assert all(TrainingViews(capture, range(6), cache_mb=1).get(row).moments is not None for row in range(6))
    assert all(TrainingViews(capture, range(6), cache_mb=0).get(row).moments is None for row in range(6))


@pytest.mark.parametrize("halvings", [1, 2])
def test_a_smaller_view_sees_the_same(halvings: int) -> None:
    capture = tiny_capture(depths=True, masks=True)
    views = TrainingViews(capture, range(6), cache_mb=1)
    view = views.get(2, halvings)
    factor = 2**halvings
    assert view.target.shape == (3, HEIGHT // factor, WIDTH // factor)
    assert view.cameras.size == (WIDTH // factor, HEIGHT // factor)
    torch.testing.assert_close(view.cameras.Ks[0, :2] * factor, capture.cameras.Ks[2, :2])
    blocks = capture.images[2].float().unflatten(1, (-1, factor)).unflatten(0, (-1, factor)).mean((1, 3))
    assert (view.target.permute(1, 2, 0) - blocks).abs().max() <= 0.5
    assert view.weights is not None
    assert view.weights.min() == 1
    full = views.get(2).inverse_depth
    assert view.inverse_depth is not None
    assert full is not None
    known = view.inverse_depth[view.inverse_depth > 0]
    assert len(known)
    assert full[full > 0].min() - 1e-6 <= known.min()
    assert known.max() <= full.max() + 1e-6


def test_depth_is_compared_where_there_is_a_prior() -> None:
    prior = torch.tensor([[0.5, 0.0], [0.25, 0.0]])
    drawn = torch.tensor([[0.7, 9.0], [0.15, 9.0]])
    config = LossConfig(depth_l1_weight_init=2.0, depth_l1_weight_final=0.5)
    mean = (0.2 + 0.1) / 4
    assert float(depth_loss(drawn, prior, 0.0, config)) == pytest.approx(2.0 * mean)
    assert float(depth_loss(drawn, prior, 30_000.0, config)) == pytest.approx(0.5 * mean)
    assert float(depth_loss(drawn, prior, 15_000.0, config)) == pytest.approx(1.0 * mean)
