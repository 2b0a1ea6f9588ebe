"""The whole network against stored numbers, and the laws that hold without them."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from dynamic_predictor.network.blocks import CrossAttention, SelfAttention
from dynamic_predictor.network.model import MaskSides, Network, NetworkConfig
from tests.dynamic_predictor.network.reference import FULL, MICRO, TINY, build, filled_names, waves

HEADS = "{downstream_head1,downstream_head2,downstream_head_dynamic_mask1,downstream_head_dynamic_mask2}.dpt."
POINT_HEADS = "{downstream_head1,downstream_head2}.dpt.head."
MASK_HEADS = "{downstream_head_dynamic_mask1,downstream_head_dynamic_mask2}.dpt.head."
ENCODER = "enc_blocks.{0..23}."
DECODER = "{dec_blocks,dec_blocks2}.{0..11}."
FUSION = HEADS + "scratch.{refinenet1,refinenet2,refinenet3,refinenet4}."

# Names and shapes of a published weight file; braces are alternatives.
KEY_TABLE: dict[str, tuple[int, ...]] = {
    "mask_token": (1, 1, 768),
    "patch_embed.proj.weight": (1024, 3, 16, 16),
    "patch_embed.proj.bias": (1024,),
    ENCODER + "{norm1,norm2}.{weight,bias}": (1024,),
    ENCODER + "attn.qkv.weight": (3072, 1024),
    ENCODER + "attn.qkv.bias": (3072,),
    ENCODER + "attn.proj.weight": (1024, 1024),
    ENCODER + "attn.proj.bias": (1024,),
    ENCODER + "mlp.fc1.weight": (4096, 1024),
    ENCODER + "mlp.fc1.bias": (4096,),
    ENCODER + "mlp.fc2.weight": (1024, 4096),
    ENCODER + "mlp.fc2.bias": (1024,),
    "enc_norm.{weight,bias}": (1024,),
    "decoder_embed.weight": (768, 1024),
    "decoder_embed.bias": (768,),
    DECODER + "{norm1,norm2,norm3,norm_y}.{weight,bias}": (768,),
    DECODER + "attn.qkv.weight": (2304, 768),
    DECODER + "attn.qkv.bias": (2304,),
    DECODER + "attn.proj.weight": (768, 768),
    DECODER + "attn.proj.bias": (768,),
    DECODER + "cross_attn.{projq,projk,projv,proj}.weight": (768, 768),
    DECODER + "cross_attn.{projq,projk,projv,proj}.bias": (768,),
    DECODER + "mlp.fc1.weight": (3072, 768),
    DECODER + "mlp.fc1.bias": (3072,),
    DECODER + "mlp.fc2.weight": (768, 3072),
    DECODER + "mlp.fc2.bias": (768,),
    "dec_norm.{weight,bias}": (768,),
    HEADS + "act_postprocess.0.0.weight": (96, 1024, 1, 1),
    HEADS + "act_postprocess.0.1.weight": (96, 96, 4, 4),
    HEADS + "act_postprocess.0.{0,1}.bias": (96,),
    HEADS + "act_postprocess.1.0.weight": (192, 768, 1, 1),
    HEADS + "act_postprocess.1.1.weight": (192, 192, 2, 2),
    HEADS + "act_postprocess.1.{0,1}.bias": (192,),
    HEADS + "act_postprocess.2.0.weight": (384, 768, 1, 1),
    HEADS + "act_postprocess.2.0.bias": (384,),
    HEADS + "act_postprocess.3.0.weight": (768, 768, 1, 1),
    HEADS + "act_postprocess.3.1.weight": (768, 768, 3, 3),
    HEADS + "act_postprocess.3.{0,1}.bias": (768,),
    HEADS + "scratch.{layer1_rn,layer_rn.0}.weight": (256, 96, 3, 3),
    HEADS + "scratch.{layer2_rn,layer_rn.1}.weight": (256, 192, 3, 3),
    HEADS + "scratch.{layer3_rn,layer_rn.2}.weight": (256, 384, 3, 3),
    HEADS + "scratch.{layer4_rn,layer_rn.3}.weight": (256, 768, 3, 3),
    FUSION + "out_conv.weight": (256, 256, 1, 1),
    FUSION + "out_conv.bias": (256,),
    FUSION + "{resConfUnit1,resConfUnit2}.{conv1,conv2}.weight": (256, 256, 3, 3),
    FUSION + "{resConfUnit1,resConfUnit2}.{conv1,conv2}.bias": (256,),
    POINT_HEADS + "0.weight": (128, 256, 3, 3),
    POINT_HEADS + "0.bias": (128,),
    POINT_HEADS + "2.weight": (128, 128, 3, 3),
    POINT_HEADS + "2.bias": (128,),
    POINT_HEADS + "4.weight": (4, 128, 1, 1),
    POINT_HEADS + "4.bias": (4,),
    MASK_HEADS + "0.weight": (256, 256, 3, 3),
    MASK_HEADS + "4.weight": (1, 256, 1, 1),
    MASK_HEADS + "4.bias": (1,),
}

# Parameters of each part; each point head and each mask head has as many as the other.
PARAMETERS = {
    "mask_token": 768,
    "patch_embed": 787_456,
    "enc_blocks": 302_309_376,
    "enc_norm": 2_048,
    "decoder_embed": 787_200,
    "dec_blocks": 113_439_744,
    "dec_blocks2": 113_439_744,
    "dec_norm": 1_536,
    "downstream_head1": 20_201_668,
    "downstream_head2": 20_201_668,
    "downstream_head_dynamic_mask1": 20_348_609,
    "downstream_head_dynamic_mask2": 20_348_609,
}


def expanded(pattern: str) -> Iterator[str]:
    """`a.{b,c}.{0..2}` as a.b.0, a.b.1, ..."""
    pieces = re.split(r"\{(.*?)\}", pattern)
    alternatives = []
    for odd, piece in enumerate(pieces):
        numbers = re.fullmatch(r"(\d+)\.\.(\d+)", piece) if odd % 2 else None
        if numbers:
            alternatives.append([str(n) for n in range(int(numbers[1]), int(numbers[2]) + 1)])
        else:
            alternatives.append(piece.split(",") if odd % 2 else [piece])
    return ("".join(chosen) for chosen in itertools.product(*alternatives))


def published() -> dict[str, tuple[int, ...]]:
    return {name: shape for pattern, shape in KEY_TABLE.items() for name in expanded(pattern)}


def shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in Network(config).state_dict().items()}


def test_names_and_shapes_are_the_published_ones() -> None:
    expected = published()
    assert len(expected) == 1139
    assert shapes(FULL) == expected
    without_masks = {name: shape for name, shape in expected.items() if "dynamic_mask" not in name}
    assert len(without_masks) == 1009
    assert shapes(NetworkConfig(dynamic_heads=False)) == without_masks


def test_linear_heads_have_two_tensors_each() -> None:
    linear = shapes(NetworkConfig(head="linear", dynamic_heads=False))
    heads = {name: shape for name, shape in linear.items() if name.startswith("downstream_head")}
    weights = {f"downstream_head{n}.proj.weight": (1024, 768) for n in (1, 2)}
    assert heads == {**weights, **{f"downstream_head{n}.proj.bias": (1024,) for n in (1, 2)}}


def test_numbers_of_parameters() -> None:
    with torch.device("meta"):
        network = Network(FULL)
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in network.named_children()}
    counts["mask_token"] = network.mask_token.numel()
    assert counts == PARAMETERS
    assert sum(p.numel() for p in network.parameters()) == 611_868_426
    assert sum(counts.values()) - 2 * counts["downstream_head_dynamic_mask1"] == 571_171_208


def test_names_and_shapes_of_the_original(golden: Path) -> None:
    lines = (golden / "das3r" / "das3r_keys.txt").read_text(encoding="ascii").split()
    original = dict(zip(lines[::2], lines[1::2], strict=True))
    assert shapes(FULL) == {name: tuple(map(int, shape.split(","))) for name, shape in original.items()}


@pytest.fixture(scope="module")
def micro() -> Network:
    return build(MICRO)


CASES = {"A": ((48, 64), (48, 64)), "B": ((80, 48), (80, 48)), "C": ((48, 64), (80, 48))}


@pytest.mark.parametrize("case", CASES)
def test_micro_equals_the_original(micro: Network, golden: Path, case: str) -> None:
    with np.load(golden / "das3r" / "net_micro.npz") as stored:
        expected = {
            name.removeprefix(f"{case}_"): value for name, value in stored.items() if name.startswith(case)
        }
        names = list(stored["weight_names"])
        sums = stored["weight_sum"]
    assert [name for name, _ in filled_names(micro)] == names
    assert np.allclose([float(t.sum()) for _, t in filled_names(micro)], sums, rtol=0, atol=1e-10)
    for name, value in outputs(micro, *CASES[case]).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_micro_in_float32_equals_the_original(golden: Path) -> None:
    network = build(MICRO, torch.float32)
    with np.load(golden / "das3r" / "net_micro.npz") as stored:
        for name, value in outputs(network, *CASES["A"]).items():
            np.testing.assert_allclose(value, stored[f"A_{name}"], rtol=1e-5, atol=2e-5, err_msg=name)


@pytest.mark.slow
def test_tiny_equals_the_original(golden: Path) -> None:
    network = build(TINY)
    with np.load(golden / "das3r" / "net_tiny.npz") as stored:
        for case in ("A", "B"):
            for name, value in outputs(network, *CASES[case]).items():
                if f"{case}_{name}" in stored:
                    np.testing.assert_allclose(
                        value, stored[f"{case}_{name}"], rtol=2e-6, atol=2e-6, err_msg=name
                    )


@pytest.mark.slow
def test_full_equals_the_original(golden: Path) -> None:
    network = build(FULL, torch.float32)  # 2.4 GB
    found = outputs(network, (64, 96), (64, 96))
    with np.load(golden / "das3r" / "net_full_summary.npz") as stored:
        for name in [key.removesuffix("_f32_probe") for key in stored if key.endswith("_f32_probe")]:
            probes = found[name].ravel()[stored[f"{name}_probe_index"]]
            mask = name.startswith("mask")
            tolerance = {"rtol": 0.0, "atol": 5e-6} if mask else {"rtol": 2e-5, "atol": 1e-4}
            np.testing.assert_allclose(probes, stored[f"{name}_f32_probe"], err_msg=name, **tolerance)
            np.testing.assert_allclose(probes, stored[f"{name}_f64_probe"], err_msg=name, **tolerance)


@torch.no_grad()
def outputs(network: Network, size_1: tuple[int, int], size_2: tuple[int, int]) -> dict[str, np.ndarray]:
    """Every stage's output under the name that the stored numbers have."""
    dtype = network.mask_token.dtype
    first, second = network.encode(waves(0, *size_1).to(dtype)), network.encode(waves(1, *size_2).to(dtype))
    levels = network.decode(first, second)
    found: dict[str, torch.Tensor] = {"enc1": first.tokens[0], "enc2": second.tokens[0]}
    for side, images in ((1, first), (2, second)):
        for layer, tokens in enumerate(levels[side - 1][1:], start=1):
            found[f"dec{side}_{layer:02}"] = tokens[0]
        for kind, head in (("pts", "downstream_head"), ("mask", "downstream_head_dynamic_mask")):
            raw = getattr(network, f"{head}{side}")(levels[side - 1], images.rows, images.columns)
            found[f"raw_{kind}{side}"] = raw[0]
    pair = network.decode_pairs(first, second)
    assert pair.dynamic_1 is not None
    assert pair.dynamic_2 is not None
    found |= {"pts3d1": pair.pts3d_1[0], "conf1": pair.conf_1[0], "mask1": pair.dynamic_1[0]}
    found |= {"pts3d2": pair.pts3d_2[0], "conf2": pair.conf_2[0], "mask2": pair.dynamic_2[0]}
    return {name: value.numpy() for name, value in found.items()}


@torch.no_grad()
def test_a_batch_is_its_pairs_one_by_one(micro: Network) -> None:
    views = [waves(view, 32, 48) for view in range(3)]
    whole = micro(torch.cat(views[:2]), torch.cat(views[1:]))
    for pair in range(2):
        alone = micro(views[pair], views[pair + 1])
        for name in ("pts3d_1", "conf_1", "dynamic_1", "pts3d_2", "conf_2", "dynamic_2"):
            torch.testing.assert_close(getattr(whole, name)[pair], getattr(alone, name)[0])


@torch.no_grad()
def test_maps_computed_ahead_change_nothing(micro: Network) -> None:
    first, second = micro.encode(waves(0, 48, 64)), micro.encode(waves(1, 48, 64))
    ahead = [micro.with_laterals(images, micro.dense_heads()) for images in (first, second)]
    expected, found = micro.decode_pairs(first, second), micro.decode_pairs(*ahead)
    torch.testing.assert_close(found.pts3d_2, expected.pts3d_2, rtol=0, atol=0)
    torch.testing.assert_close(found.dynamic_1, expected.dynamic_1, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize("asked", ["none", "first", "both"])
def test_moving_things_are_told_of_the_sides_asked_for(micro: Network, asked: MaskSides) -> None:
    encoded = micro.encode(waves(0, 32, 32))
    pair = micro.decode_pairs(encoded, encoded, asked)
    assert (pair.dynamic_1 is not None) == (asked != "none")
    assert (pair.dynamic_2 is not None) == (asked == "both")


def test_sides_must_be_multiples_of_the_patch(micro: Network) -> None:
    with pytest.raises(ValueError, match="50x32 pixels: sides must be multiples of 16"):
        micro.encode(torch.zeros(1, 3, 32, 50, dtype=torch.float64))


@torch.no_grad()
def test_linear_heads_give_pairs_too() -> None:
    config = NetworkConfig(64, 1, 4, 48, 4, 3, head="linear", dynamic_heads=False)
    pair = build(config)(waves(0, 32, 48), waves(1, 48, 32))
    assert pair.pts3d_1.shape == (1, 32, 48, 3)
    assert pair.pts3d_2.shape == (1, 48, 32, 3)
    assert float(pair.conf_1.min()) >= 1
    assert pair.dynamic_1 is None


@torch.no_grad()
def test_the_order_of_channels_of_queries_and_keys_changes_nothing() -> None:
    plain, reordered = build(MICRO), build(MICRO)
    for module in reordered.modules():
        if isinstance(module, SelfAttention | CrossAttention):
            module.put_partners_together()
    views = waves(0, 32, 48), waves(1, 48, 32)
    expected, found = plain(*views), reordered(*views)
    torch.testing.assert_close(found.pts3d_1, expected.pts3d_1, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.pts3d_2, expected.pts3d_2, rtol=1e-9, atol=1e-12)
