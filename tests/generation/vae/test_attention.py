"""Attention is softmax attention, whatever its width; dropout keeps its expectation."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from generation.vae import attention
from generation.vae.attention import Mlp, SelfAttention, Transformer, attend
from generation.vae.config import HexplaneVaeConfig
from tests.generation.golden import fill
from tests.generation.vae.plain_form import PlainTransformer, softmax_attention


def random_tokens(queries: int, length: int, width: int, count: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    query, key, value = (
        torch.randn(count, 2, tokens, width, generator=random, dtype=torch.float64).requires_grad_()
        for tokens in (queries, length, length)
    )
    return query, key, value


@pytest.mark.parametrize("width", [1, 8, 16, 20])
@pytest.mark.parametrize(("queries", "length"), [(1, 7), (7, 7), (1, 1)])
def test_equals_softmax_attention(width: int, queries: int, length: int) -> None:
    tokens = random_tokens(queries, length, width)
    found, expected = attend(*tokens, dropout=0.0), softmax_attention(*tokens)
    torch.testing.assert_close(found, expected)
    blame = torch.randn(found.shape, dtype=torch.float64)
    for ours, theirs in zip(
        torch.autograd.grad(found, tokens, blame), torch.autograd.grad(expected, tokens, blame), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_with_values_alike_nothing_is_mixed() -> None:
    query, key, value = random_tokens(2, 6, 8)
    alike = value[:, :, :1].expand_as(value)
    torch.testing.assert_close(attend(query, key, alike, dropout=0.0), alike[:, :, :2])


@torch.no_grad()
@pytest.mark.parametrize("scores_in_a_piece", [1, 100, 2**24])
def test_dropout_keeps_the_expectation(monkeypatch: pytest.MonkeyPatch, scores_in_a_piece: int) -> None:
    """Deviations are below 0.5, those of a mean of 4000 draws below 0.008: a quarter of the tolerance."""
    monkeypatch.setattr(attention, "CHUNK_SCORES", scores_in_a_piece)
    one = tuple(each.detach() for each in random_tokens(1, 5, 4, count=1))
    query, key, value = (each.expand(4000, -1, -1, -1) for each in one)
    torch.manual_seed(0)
    drawn = attend(query, key, value, dropout=0.2)
    assert 0.05 < float(drawn.std(0).min()) <= float(drawn.std(0).max()) < 0.5
    torch.testing.assert_close(drawn.mean(0), softmax_attention(*one)[0], rtol=0, atol=0.03)


@torch.no_grad()
def test_dropout_is_a_function_of_the_seed() -> None:
    tokens = random_tokens(3, 5, 4)
    draws: list[Tensor] = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(attend(*tokens, dropout=0.3))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_pieces_have_the_gradients_of_their_own_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed again for gradients drops the same scores: finite differences agree."""
    monkeypatch.setattr(attention, "CHUNK_SCORES", 2 * 2 * 4)

    def with_seed(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        torch.manual_seed(5)
        return attend(query, key, value, dropout=0.4)

    assert torch.autograd.gradcheck(with_seed, random_tokens(2, 4, 2))


def test_one_piece_is_torchs_attention_with_dropout() -> None:
    tokens = random_tokens(4, 4, 8)
    torch.manual_seed(2)
    found = attend(*tokens, dropout=0.3)
    torch.manual_seed(2)
    torch.testing.assert_close(found, F.scaled_dot_product_attention(*tokens, dropout_p=0.3))


@torch.no_grad()
def test_tokens_that_do_not_ask_change_nothing_for_others() -> None:
    everybody, first_two = SelfAttention(8, 2, 0.0), SelfAttention(8, 2, 0.0, queries=2)
    first_two.load_state_dict(everybody.state_dict())
    x = torch.randn(3, 5, 8)
    torch.testing.assert_close(first_two(x), everybody(x)[:, :2])


@torch.no_grad()
def test_the_order_of_the_other_tokens_does_not_matter() -> None:
    transformer = Transformer(8, depth=2, heads=2, hidden=6, dropout=0.0)
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(transformer(x[:, [0, 3, 1, 4, 2]]), transformer(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_in_the_last_layer_only_the_first_token_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def watched(query: Tensor, key: Tensor, value: Tensor, dropout: float) -> Tensor:
        asked.append(query.shape[2])
        return attend(query, key, value, dropout)

    monkeypatch.setattr(attention, "attend", watched)
    Transformer(8, depth=3, heads=2, hidden=6, dropout=0.0)(torch.randn(2, 5, 8))
    assert asked == [5, 5, 1]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_transformer_equals_the_plain_form(depth: int) -> None:
    config = HexplaneVaeConfig(transformer_depth=depth, latent_channels=6, heads=3, mlp_channels=5)
    ours = Transformer(6, depth, heads=3, hidden=5, dropout=0.0).double()
    plain = PlainTransformer(config, softmax_attention).double()
    fill(ours)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(4, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(ours(x), plain(x)[:, 0])


@torch.no_grad()
def test_dropout_acts_in_training_only() -> None:
    x = torch.randn(2, 5, 8)
    for module in (SelfAttention(8, 2, 0.5), Mlp(8, 6, 0.5), Transformer(8, 1, 2, 6, 0.5)):
        assert not torch.equal(module(x), module(x))
        module.eval()
        assert torch.equal(module(x), module(x))
