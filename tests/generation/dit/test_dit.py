"""The network is DynamicCity's: names, counts and numbers; and what holds for any such network."""

from dataclasses import replace

import pytest
import torch

from core.errors import UserError
from core.randomness import generator
from generation.diffusion import linear_schedule
from generation.diffusion.process import clean_from_noise
from generation.dit import DIT_DC_1, DIT_DC_2, Conditions, Dit, DitConfig, kept_at_random
from generation.dit.embeddings import timestep_code
from generation.rollout import cell_mask
from tests.generation.dit.networks import ALL, SMALL, conditions_of, filled, noisy
from tests.generation.golden import CONFIG, GOLDEN, assert_matches, golden_inputs

DIT = GOLDEN["dit"]


@torch.no_grad()
def test_numbers_of_the_forward_pass(golden_dit: Dit) -> None:
    x, t, conditions = golden_inputs()
    assert len(golden_dit.tokens) == DIT["tokens_kept"]
    assert_matches(golden_dit.pos_embed, DIT["pos_embed"], 1e-6)
    assert_matches(timestep_code(t), DIT["t_embedding_256"], 1e-5)
    assert_matches(golden_dit.t_embedder(t), DIT["t_embedder"], 1e-5)
    assert_matches(golden_dit(x, t, conditions), DIT["output"], 5e-6)


@torch.no_grad()
def test_numbers_of_guidance(golden_dit: Dit) -> None:
    """The reference evaluates a pair, of which the second half is without conditions."""
    x, _, both = golden_inputs()
    first = Conditions(both.hexplane[:1], both.layout[:1], both.trajectory[:1], both.command[:1])
    t = torch.tensor([500])
    guided = golden_dit.forward_with_guidance(x[:1], t, first, 4.0)
    without = golden_dit(x[:1], t)
    pair = torch.cat([guided, torch.cat([guided[:, :16], without[:, 16:]], dim=1)])
    assert_matches(pair, DIT["forward_with_cfg_scale4_t500"], 5e-6)


def block_names(block: int) -> set[str]:
    layers = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "adaLN_modulation.1", "x_attn.q", "x_attn.kv")
    return {
        f"blocks.{block}.{layer}.{kind}" for layer in (*layers, "x_attn.proj") for kind in ("weight", "bias")
    }


def test_names_are_those_of_the_checkpoints() -> None:
    others = (
        "x_embedder.proj", "t_embedder.mlp.0", "t_embedder.mlp.2", "final_layer.linear",
        "final_layer.adaLN_modulation.1", "hex_emb.embedder.proj", "layout_emb.embedder.proj",
        "traj_emb.embedder.0", "traj_emb.embedder.2", "traj_emb.embedder.4",
    )  # fmt: skip
    names = {f"{layer}.{kind}" for layer in others for kind in ("weight", "bias")}
    names |= {"pos_embed", "cmd_emb.embedder.weight", *block_names(0), *block_names(1)}
    assert set(filled(ALL).state_dict()) == names


COUNTS = {
    "DiT-DC/2": (DIT_DC_2, 171, 43_730_432),
    "DiT-DC/2 hexplane": (replace(DIT_DC_2, hexplane=True), 173, 43_755_392),
    "DiT-DC/2 layout": (replace(DIT_DC_2, layout=True), 173, 43_730_497),
    "DiT-DC/2 trajectory": (replace(DIT_DC_2, trajectory=True), 177, 44_044_928),
    "DiT-DC/2 command": (replace(DIT_DC_2, command=True), 172, 43_731_968),
    "DiT-DC/2 cross": (replace(DIT_DC_2, cross_attention=True), 267, 53_192_192),
    "DiT-DC/2 all": (replace(CONFIG, latent=DIT_DC_2.latent, frames=16), 278, 53_533_249),
    "DiT-DC/1": (DIT_DC_1, 191, 194_536_832),
    "DiT-DC/1 hexplane": (replace(DIT_DC_1, hexplane=True), 193, 194_586_752),
    "DiT-DC/1 layout": (replace(DIT_DC_1, layout=True), 193, 194_536_897),
    "DiT-DC/1 trajectory": (replace(DIT_DC_1, trajectory=True), 197, 195_755_648),
    "DiT-DC/1 command": (replace(DIT_DC_1, command=True), 192, 194_539_904),
    "DiT-DC/1 cross": (replace(DIT_DC_1, cross_attention=True), 299, 237_059_456),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    config, tensors, numbers = COUNTS[name]
    with torch.device("meta"):
        state = Dit(config).state_dict()
    assert len(state) == tensors
    assert sum(value.numel() for value in state.values()) == numbers


@torch.no_grad()
@pytest.mark.parametrize("config", [SMALL, replace(SMALL, latent=(4, 8, 12, 4), patch=4)])
def test_padding_changes_nothing_and_stays_zero(config: DitConfig) -> None:
    model, x = filled(config), noisy(2, config)
    mask = cell_mask(config.size)
    t = torch.tensor([3, 900])
    output = model(x, t)
    assert torch.equal(output[:, :, ~mask], torch.zeros_like(output[:, :, ~mask]))
    assert torch.equal(model(torch.where(mask, x, torch.full_like(x, 7.0)), t), output)


@torch.no_grad()
def test_samples_do_not_see_each_other() -> None:
    model, x, conditions = filled(ALL), noisy(3, ALL), conditions_of(3)
    t = torch.tensor([0, 500, 999])
    together = model(x, t, conditions)
    alone = [
        model(
            x[row : row + 1], t[row : row + 1],
            Conditions(*(value[row : row + 1] for value in (
                conditions.hexplane, conditions.layout, conditions.trajectory, conditions.command
            ))),
        )
        for row in range(3)
    ]  # fmt: skip
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("config", [SMALL, replace(SMALL, trajectory=True, command=True)])
def test_conditioning_once_a_sample_is_conditioning_each_token(config: DitConfig) -> None:
    """The short way, [B, 1, width], has the numbers of the long one, [B, N, width]."""
    model, x, t = filled(config), noisy(2, config), torch.tensor([10, 700])
    given = conditions_of(2, config)
    conditions = Conditions(trajectory=given.trajectory, command=given.command) if config.command else None
    short = model(x, t, conditions)
    vector = model._vector(t, conditions or Conditions())[:, None].expand(-1, len(model.tokens), -1)
    tokens = (model.x_embedder(x) + model.pos_embed)[:, model.tokens]
    for block in model.blocks:
        tokens = block(tokens, vector, None)
    torch.testing.assert_close(short, model._image(model.final_layer(tokens, vector)), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_guidance_is_linear_between_its_branches() -> None:
    model, x, conditions = filled(ALL), noisy(2, ALL), conditions_of(2)
    t = torch.tensor([40, 400])
    with_all, without = model(x, t, conditions), model(x, t)
    for scale in (0.0, 1.0, 3.5):
        guided = model.forward_with_guidance(x, t, conditions, scale)
        noise = without[:, :3] + scale * (with_all[:, :3] - without[:, :3])
        torch.testing.assert_close(guided[:, :3], noise, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(guided[:, 3:], with_all[:, 3:], rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", ["hexplane", "layout", "trajectory", "command"])
def test_every_condition_matters_until_it_is_dropped(name: str) -> None:
    model, x, t = filled(ALL), noisy(2, ALL), torch.tensor([40, 400])
    conditions = conditions_of(2)
    other = replace(conditions, **{name: 1 - getattr(conditions, name).clamp(0, 1)})
    assert not torch.allclose(model(x, t, conditions), model(x, t, other))
    kept = torch.ones(2, 4, dtype=torch.bool)
    kept[:, ("hexplane", "layout", "trajectory", "command").index(name)] = False
    dropped = model(x, t, replace(conditions, kept=kept))
    assert torch.equal(dropped, model(x, t, replace(other, kept=kept)))
    torch.testing.assert_close(dropped, model(x, t, replace(conditions, **{name: None})))


def test_a_condition_is_left_out_on_its_own() -> None:
    random = generator(0, "dropout")
    kept = torch.stack([kept_at_random(False, 0.1, random) for _ in range(4000)]).float()
    torch.testing.assert_close(kept.mean(0), torch.full((4,), 0.9), rtol=0, atol=0.02)
    assert torch.corrcoef(kept.T).fill_diagonal_(0).abs().max() < 0.05


def test_of_several_conditions_all_are_left_out_as_often() -> None:
    """0.1 + 0.9 x 0.1^4 of the samples have none; 0.9 x 0.9 have a given one."""
    random = generator(0, "dropout")
    kept = torch.stack([kept_at_random(True, 0.1, random) for _ in range(4000)]).float()
    torch.testing.assert_close(kept.mean(0), torch.full((4,), 0.81), rtol=0, atol=0.025)
    assert (kept.sum(1) == 0).float().mean().item() == pytest.approx(0.1, abs=0.02)


@torch.no_grad()
def test_a_new_network_says_nothing_and_repeats() -> None:
    model, x = Dit(ALL, generator(1, "weights")), noisy(2, ALL)
    assert torch.equal(model(x, torch.tensor([1, 2]), conditions_of(2)), torch.zeros(2, 6, 12, 14))
    for value, again in zip(model.parameters(), Dit(ALL, generator(1, "weights")).parameters(), strict=True):
        assert torch.equal(value, again)


@torch.no_grad()
def test_velocity_is_told_as_the_noise_that_it_implies() -> None:
    config = replace(SMALL, predicts="velocity")
    model, raw, x = filled(config), filled(SMALL), noisy(2, config)
    t, chain = torch.tensor([40, 999]), linear_schedule()
    noise, choice = model(x, t).chunk(2, 1)
    velocity, same_choice = raw(x, t).chunk(2, 1)
    assert torch.equal(choice, same_choice)
    clean = clean_from_noise(chain, x.double(), t, noise.double())
    kept = chain.alphas_cumprod[t].view(2, 1, 1, 1)
    implied = kept.sqrt() * noise - (1 - kept).sqrt() * clean
    mask = cell_mask(config.size)
    torch.testing.assert_close(implied[..., mask], velocity[..., mask].double(), rtol=1e-3, atol=1e-3)
    assert not noise[..., ~mask].any()


def test_all_weights_learn() -> None:
    model, x = filled(ALL), noisy(2, ALL)
    model(x, torch.tensor([40, 400]), conditions_of(2)).square().sum().backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []


def test_what_it_does_not_know_is_refused() -> None:
    x, t = noisy(2, SMALL), torch.tensor([40, 400])
    with pytest.raises(ValueError, match="without the condition command"):
        Dit(SMALL)(x, t, Conditions(command=torch.tensor([0, 1])))
    with pytest.raises(ValueError, match="were expected"):
        Dit(SMALL)(x[..., :-2], t)
    with pytest.raises(ValueError, match="at least 1 cell"):
        replace(SMALL, patch=0)
    with pytest.raises(UserError, match="t has 2"):
        Dit(replace(SMALL, patch=4))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"heads": 0}, "numbers from 1 on were expected"),
        ({"depth": 0}, "numbers from 1 on were expected"),
        ({"width": -4}, "numbers from 1 on were expected"),
        ({"condition_dropout": 3.0}, "0 to 1 was expected, got 3"),
        ({"width": 30}, "is no multiple of 4 and of 8 heads"),
    ],
)
def test_impossible_networks_are_told(changes: dict[str, int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(DIT_DC_2, **changes)
