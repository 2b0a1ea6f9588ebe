"""Pairs of a video: every edge once, each image encoded once, nothing but rounding changes the answer."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dynamic_predictor.network.dpt import POINT_CHANNELS
from dynamic_predictor.network.inference import (
    InferenceOptions,
    forecast,
    has_fast_bfloat16,
    predict_pairs,
    prepare,
    schedule,
)
from dynamic_predictor.network.model import Network, NetworkConfig, PairPrediction
from tests.dynamic_predictor.network.reference import MICRO, build, waves

CPU = torch.device("cpu")
FIELDS = ("pts3d_1", "conf_1", "dynamic_1", "pts3d_2", "conf_2", "dynamic_2")


@pytest.fixture(scope="module")
def micro() -> Network:
    return prepare(build(MICRO, torch.float32), CPU, "float32")


def image(view: int, height: int = 32, width: int = 48) -> torch.Tensor:
    return waves(view, height, width)[0].float()


def directly(network: Network, first: torch.Tensor, second: torch.Tensor) -> PairPrediction:
    with torch.no_grad():
        return network(first[None], second[None])


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("cache_bytes", [0, 2**30])
def test_pairs_are_those_of_the_network(micro: Network, batch: int, cache_bytes: int) -> None:
    images = [image(0), image(1), image(2, 48, 32), image(3)]
    edges = [(0, 1), (1, 0), (2, 0), (0, 2), (3, 1), (0, 3), (2, 2)]
    options = InferenceOptions(batch=batch, cache_bytes=cache_bytes)
    found = dict(predict_pairs(micro, images, edges, options))
    assert sorted(found) == list(range(len(edges)))
    for index, (i, j) in enumerate(edges):
        expected = directly(micro, images[i], images[j])
        for name in FIELDS:
            torch.testing.assert_close(
                getattr(found[index], name), getattr(expected, name), rtol=1e-4, atol=1e-5
            )


def test_one_image_is_its_own_partner(micro: Network) -> None:
    [(index, pair)] = predict_pairs(micro, [image(0)], [(0, 0)])
    assert index == 0
    assert pair.pts3d_1.shape == pair.pts3d_2.shape == (1, 32, 48, 3)


def test_each_image_is_encoded_once(micro: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    encode = micro.encode
    monkeypatch.setattr(micro, "encode", lambda images: (calls.append(len(images)), encode(images))[1])
    edges = [(i, j) for i in range(4) for j in range(4) if i != j]
    list(predict_pairs(micro, [image(view) for view in range(4)], edges, InferenceOptions(cache_bytes=0)))
    assert sum(calls) == 4


def test_heads_that_are_not_asked_for_are_not_run(micro: Network) -> None:
    (_, pair), *_ = predict_pairs(micro, [image(0)], [(0, 0)], InferenceOptions(dynamic="first"))
    assert pair.dynamic_1 is not None
    assert pair.dynamic_2 is None


def test_results_can_be_differentiated_from(micro: Network) -> None:
    [(_, pair)] = predict_pairs(micro, [image(0)], [(0, 0)])
    scale = torch.ones((), requires_grad=True)
    (scale * pair.pts3d_1).sum().backward()
    assert scale.grad is not None


def test_edges_must_name_images(micro: Network) -> None:
    with pytest.raises(ValueError, match="beyond the 1 that there are"):
        list(predict_pairs(micro, [image(0)], [(0, 1)]))


SIZES = st.lists(st.sampled_from([(32, 48), (48, 32)]), min_size=1, max_size=6)


@given(SIZES, st.data())
def test_a_schedule_has_every_edge_once_in_batches_of_one_shape(
    sizes: list[tuple[int, int]], data: st.DataObject
) -> None:
    indices = st.integers(0, len(sizes) - 1)
    edges = data.draw(st.lists(st.tuples(indices, indices), max_size=20))
    batch = data.draw(st.integers(1, 4))
    batches = schedule(sizes, edges, batch)
    assert Counter(index for one in batches for index in one) == Counter(range(len(edges)))
    for one in batches:
        assert 1 <= len(one) <= batch
        assert len({(sizes[edges[index][0]], sizes[edges[index][1]]) for index in one}) == 1


def test_bfloat16_is_float32_but_for_rounding(micro: Network) -> None:
    rounded = prepare(build(MICRO, torch.float32), CPU, "bfloat16")
    images = [image(0, 48, 64), image(1, 48, 64)]
    [(_, expected)] = predict_pairs(micro, images, [(0, 1)])
    [(_, found)] = predict_pairs(rounded, images, [(0, 1)])
    moved = (found.pts3d_1 - expected.pts3d_1).norm(dim=-1) / expected.pts3d_1.norm(dim=-1)
    assert 0 < float(moved.median()) < 0.05
    assert float((found.conf_2 / expected.conf_2 - 1).abs().median()) < 0.02
    assert found.dynamic_2 is not None
    assert expected.dynamic_2 is not None
    assert float((found.dynamic_2 - expected.dynamic_2).abs().max()) < 0.05
    assert found.pts3d_1.dtype == torch.float32


def test_precision_by_device() -> None:
    network = prepare(build(MICRO, torch.float32), CPU)
    expected = torch.bfloat16 if has_fast_bfloat16(CPU) else torch.float32
    assert network.decoder_embed.weight.dtype == expected
    assert network.enc_norm.weight.dtype == torch.float32
    *_, last_weight, last_bias = network.downstream_head1.parameters()
    assert last_weight.dtype == last_bias.dtype == torch.float32
    assert len(last_bias) == POINT_CHANNELS


def test_storage_in_half_precision_clamps(micro: Network) -> None:
    huge = torch.full((1, 2, 2), 1e9)
    pair = PairPrediction(
        huge[..., None].expand(1, 2, 2, 3), huge, None, huge[..., None].expand(1, 2, 2, 3), huge, huge
    )
    stored = pair.to(torch.float16)
    assert stored.dynamic_1 is None
    assert float(stored.pts3d_1.max()) == torch.finfo(torch.float16).max
    assert stored.conf_2.dtype == torch.float16


def test_the_forecast_grows_with_images_up_to_the_budget_of_maps() -> None:
    with torch.device("meta"):
        network = Network(NetworkConfig())
    few, many = (forecast(network, [(288, 512)] * count) for count in (50, 200))
    assert few.weights == many.weights == 611_868_426 * 4
    assert many.tokens == 4 * few.tokens == 200 * 576 * 1024 * 4
    assert many.maps == 2**30
    assert many.working == few.working
    assert many.total < 6 * 2**30
