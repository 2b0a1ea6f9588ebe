"""The autoencoder gives DynamicCity's numbers, and equals its plain form in values and gradients."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from evaluation.occupancy_scores import ConfusionCounts
from generation.rollout import PLANES, roll_out
from generation.vae import frame_encoder
from generation.vae.config import HexplaneVaeConfig
from generation.vae.model import HexplaneVae, Posterior
from tests.generation.golden import assert_matches, fill
from tests.generation.vae.conftest import GoldenPass
from tests.generation.vae.golden import CONFIG, GOLDEN
from tests.generation.vae.plain_form import PlainVae

SMALL = HexplaneVaeConfig(
    num_classes=4,
    frames=4,
    spatial_size=(8, 8, 4),
    latent_channels=4,
    query_channels=6,
    mlp_channels=5,
    hidden_low=7,
    hidden_high=5,
)

VARIANTS = {
    "defaults": SMALL,
    "one encoder": replace(SMALL, separate_t_encoder=False),
    "no one-hot time": replace(SMALL, one_hot_time=False),
    "one reducer": replace(SMALL, separate_t_reducer=False),
    "one of both": replace(SMALL, separate_t_encoder=False, separate_t_reducer=False),
    "sum": replace(SMALL, hadamard=False),
    "no halving": replace(SMALL, down=(0, 0, 0), hex_down_t=0),
    "uneven halving": replace(SMALL, down=(2, 1, 0), hex_down=(0, 1, 1), hex_down_t=2),
    "planes halved": replace(SMALL, hex_down=(2, 1, 0)),
    "one layer, one head, no encoding": replace(SMALL, transformer_depth=1, heads=1, pe_freq=0),
    "three layers, four heads": replace(SMALL, transformer_depth=3, heads=4, pe_freq=1),
    "longer than wide": replace(SMALL, spatial_size=(12, 8, 4)),
    "wider than long": replace(SMALL, spatial_size=(8, 12, 2), down=(1, 1, 0)),
}


def random_voxels(config: HexplaneVaeConfig, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(
        config.num_classes, (batch, config.frames, *config.spatial_size), generator=generator
    )


def both_forms(config: HexplaneVaeConfig) -> tuple[HexplaneVae, PlainVae]:
    """With the same weights, in float64."""
    ours, plain = HexplaneVae(config).double().eval(), PlainVae(config).double().eval()
    fill(ours)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def assert_forms_agree(config: HexplaneVaeConfig, voxels: Tensor) -> None:
    """In what they make of voxels, and in the gradients of all parameters of a sum of all of it."""
    ours, plain = both_forms(config)
    posterior = ours.encode(voxels)
    scores = ours.decode(posterior.mean)
    mean, log_variance, plain_scores = plain(voxels)
    torch.testing.assert_close(scores, plain_scores, rtol=1e-9, atol=1e-9)
    for plane in PLANES:
        torch.testing.assert_close(posterior.mean[plane], mean[plane], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(posterior.log_variance[plane], log_variance[plane], rtol=1e-9, atol=1e-9)
    blame = torch.randn(scores.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    for given, spread in ((scores, posterior.log_variance), (plain_scores, log_variance)):
        ((given * blame).sum() + sum(each.square().sum() for each in spread.values())).backward()
    theirs = dict(plain.named_parameters())
    for name, parameter in ours.named_parameters():
        expected = theirs[name].grad
        assert expected is not None
        # What a norm takes away again has no gradient here, and one of rounding errors there.
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(
            found, expected, rtol=1e-7, atol=1e-7, msg=lambda text, n=name: f"{n}: {text}"
        )


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_equals_the_plain_form(config: HexplaneVaeConfig) -> None:
    assert_forms_agree(config, random_voxels(config))


@pytest.mark.parametrize("size", [(2, 8, 8, 4), (4, 4, 6, 4), (2, 6, 4, 4)])
def test_smaller_sequences_equal_the_plain_form(size: tuple[int, int, int, int]) -> None:
    voxels = random_voxels(SMALL)[:, : size[0], : size[1], : size[2], : size[3]]
    assert_forms_agree(SMALL, voxels)


def test_parameters_without_a_gradient_do_nothing() -> None:
    """Only what the last norm takes away again: two biases."""
    ours, _ = both_forms(SMALL)
    voxels = random_voxels(SMALL)
    posterior = ours.encode(voxels)
    (ours.decode(posterior.mean).square().sum() + posterior.log_variance["xy"].sum()).backward()
    idle = {name for name, parameter in ours.named_parameters() if parameter.grad is None}
    assert idle == {"decoder.voxel_decoder.transpose_conv.bias", "decoder.voxel_decoder.final_conv.0.bias"}


def test_latents_are_dynamiccitys(golden_pass: GoldenPass) -> None:
    for plane in PLANES:
        assert_matches(golden_pass.posterior.mean[plane], GOLDEN["mu"][plane], 1e-9)
        assert_matches(golden_pass.posterior.log_variance[plane], GOLDEN["logvar"][plane], 1e-9)


def test_scores_are_dynamiccitys(golden_pass: GoldenPass) -> None:
    assert_matches(golden_pass.scores.movedim(2, -1), GOLDEN["logits_BTXYZC"], 1e-9)
    assert int(golden_pass.scores.argmax(2).sum()) == GOLDEN["argmax_sum"]


def test_the_rollout_is_dynamiccitys(golden_pass: GoldenPass) -> None:
    assert_matches(roll_out(golden_pass.posterior.mean), GOLDEN["rollout"], 1e-9)


def test_the_reconstructions_metrics_are_dynamiccitys(golden_pass: GoldenPass) -> None:
    """All voxels are observed here."""
    rebuilt = golden_pass.network.classes(golden_pass.posterior.mean)
    counts = ConfusionCounts.of(rebuilt, golden_pass.voxels, classes=CONFIG.num_classes)
    assert counts.miou == pytest.approx(GOLDEN["metrics"]["miou_masked"], rel=1e-6)
    assert counts.iou == pytest.approx(GOLDEN["metrics"]["bin_iou"], rel=1e-6)
    assert counts.class_iou.tolist() == pytest.approx(GOLDEN["metrics"]["cls_iou"], rel=1e-6)


def test_classes_are_the_likeliest(golden_pass: GoldenPass) -> None:
    found = golden_pass.network.classes(golden_pass.posterior.mean)
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), golden_pass.scores.argmax(2))


@pytest.mark.parametrize("frames_in_a_chunk", [1, 3])
@torch.no_grad()
def test_chunks_do_not_matter(
    golden_pass: GoldenPass, monkeypatch: pytest.MonkeyPatch, frames_in_a_chunk: int
) -> None:
    """One frame at a time, or three, which ends within a sequence and spans two of them."""
    monkeypatch.setattr(frame_encoder, "CHUNK_VOXELS", frames_in_a_chunk * 16 * 16 * 8)
    network = golden_pass.network
    posterior = network.encode(golden_pass.voxels)
    for plane in PLANES:
        torch.testing.assert_close(posterior.mean[plane], golden_pass.posterior.mean[plane])
    monkeypatch.setattr(frame_encoder, "CHUNK_VOXELS", frames_in_a_chunk * 8 * 8 * 4)
    torch.testing.assert_close(network.decode(golden_pass.posterior.mean), golden_pass.scores)
    assert len(list(network.decoder(posterior.mean))) == 2 * -(-4 // frames_in_a_chunk)


@torch.no_grad()
def test_sequences_do_not_see_each_other(golden_pass: GoldenPass) -> None:
    network = golden_pass.network
    for row in range(2):
        alone = network.encode(golden_pass.voxels[row : row + 1])
        for plane in PLANES:
            torch.testing.assert_close(alone.mean[plane][0], golden_pass.posterior.mean[plane][row])
        torch.testing.assert_close(network.decode(alone.mean)[0], golden_pass.scores[row])


@torch.no_grad()
def test_the_type_of_the_voxels_does_not_matter(golden_pass: GoldenPass) -> None:
    small = golden_pass.network.encode(golden_pass.voxels.byte())
    for plane in PLANES:
        assert torch.equal(small.mean[plane], golden_pass.posterior.mean[plane])


@torch.no_grad()
def test_float32_is_near(golden_pass: GoldenPass) -> None:
    """Measured: 3e-4 of scores up to 1.3."""
    network = HexplaneVae(CONFIG)
    network.load_state_dict(golden_pass.network.state_dict())
    scores = network.eval().decode(network.encode(golden_pass.voxels).mean)
    torch.testing.assert_close(scores.double(), golden_pass.scores, rtol=0, atol=3e-3)


@torch.no_grad()
def test_evaluation_is_deterministic_and_training_is_not() -> None:
    network = HexplaneVae(replace(SMALL, dropout=0.3))
    voxels = random_voxels(SMALL)
    first, again = (network.encode(voxels).mean["tz"] for _ in range(2))
    assert not torch.equal(first, again)
    network.eval()
    first, again = (network.encode(voxels).mean["tz"] for _ in range(2))
    assert torch.equal(first, again)


def test_draws_have_the_posteriors_moments() -> None:
    """65536 of each: standard errors are below 0.02, and 0.1 is five of them."""
    posterior = Posterior(
        {"xy": torch.full((1, 1, 256, 256), 2.0), "tz": torch.full((1, 1, 256, 256), -1.0)},
        {"xy": torch.full((1, 1, 256, 256), 9.0).log(), "tz": torch.zeros(1, 1, 256, 256)},
    )
    drawn = posterior.draw(torch.Generator().manual_seed(0))
    assert float(drawn["xy"].mean()) == pytest.approx(2, abs=0.1)
    assert float(drawn["xy"].std()) == pytest.approx(3, abs=0.1)
    assert float(drawn["tz"].mean()) == pytest.approx(-1, abs=0.1)
    assert float(drawn["tz"].std()) == pytest.approx(1, abs=0.1)
    again = posterior.draw(torch.Generator().manual_seed(0))
    assert all(torch.equal(drawn[plane], again[plane]) for plane in drawn)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((1, 5, 8, 8, 4), r"\(5, 8, 8, 4\).*at most \(4, 8, 8, 4\)"),
        ((1, 4, 8, 16, 4), "at most"),
        ((1, 3, 8, 8, 4), r"divisible by \(2, 2, 2, 2\)"),
        ((1, 4, 8, 8, 3), "divisible"),
    ],
)
def test_sizes_that_do_not_suit(size: tuple[int, ...], sentence: str) -> None:
    network = HexplaneVae(SMALL)
    with pytest.raises(ValueError, match=sentence):
        network.encode(torch.zeros(size, dtype=torch.int64))
