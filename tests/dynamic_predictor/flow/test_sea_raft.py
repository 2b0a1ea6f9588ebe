"""SEA-RAFT: the names and sizes of its published file, and laws that hold for any weights."""

import torch

from dynamic_predictor.flow.sea_raft import BasicBlock, ConvNextBlock, SeaRaft


def test_names_and_sizes_are_those_of_the_published_file() -> None:
    with torch.device("meta"):
        network = SeaRaft()
    names = network.state_dict()
    assert len(names) == 472
    assert sum(parameter.numel() for parameter in network.parameters()) == 19_663_876
    shapes = {
        "cnet.conv1.weight": (64, 6, 7, 7),
        "fnet.layer3.5.conv2.weight": (256, 256, 3, 3),
        "fnet.layer2.0.bn3.running_var": (128,),
        "fnet.layer2.0.downsample.1.running_var": (128,),
        "fnet.final_conv.bias": (256,),
        "init_conv.weight": (256, 256, 3, 3),
        "upsample_weight.2.weight": (576, 256, 1, 1),
        "flow_head.2.weight": (6, 256, 3, 3),
        "update_block.encoder.conv.weight": (126, 256, 3, 3),
        "update_block.refine.1.gamma": (384,),
        "update_block.refine.0.pwconv1.weight": (512, 384),
        "update_block.refine.0.final.weight": (128, 384, 1, 1),
    }
    assert {name: tuple(names[name].shape) for name in shapes} == shapes


def test_a_strided_norm_has_two_names_and_one_set_of_weights() -> None:
    block = BasicBlock(4, 6)
    assert block.downsample is not None
    assert block.downsample[1] is block.bn3
    assert block(torch.rand(2, 4, 8, 6)).shape == (2, 6, 4, 3)
    assert BasicBlock(4, 4).downsample is None


def test_a_block_never_falls_below_its_input() -> None:
    x = torch.rand(2, 4, 8, 6)
    assert bool((BasicBlock(4, 4)(x) >= x).all())


def test_a_block_of_no_layer_scale_is_its_last_layer() -> None:
    block = ConvNextBlock()
    torch.nn.init.zeros_(block.gamma)
    x = torch.randn(1, 384, 4, 5)
    torch.testing.assert_close(block(x), block.final(x))


@torch.inference_mode()
def test_steps_of_zero_keep_the_guess_and_no_step_needs_no_correlation() -> None:
    network = SeaRaft().eval()
    torch.nn.init.zeros_(network.flow_head[2].weight)
    torch.nn.init.constant_(network.flow_head[2].bias, 0.25)
    images = 2 * torch.rand(2, 1, 3, 64, 72) - 1
    regressed = network(*images, 0)
    assert regressed.shape == (1, 2, 64, 72)
    torch.testing.assert_close(regressed[:, :, 8:-8, 8:-8], torch.full((1, 2, 48, 56), 2.0))
    # Two steps of a quarter of a coarse pixel each, from the regressed quarter.
    torch.testing.assert_close(network(*images, 2)[:, :, 8:-8, 8:-8], torch.full((1, 2, 48, 56), 6.0))
    torch.nn.init.zeros_(network.flow_head[2].bias)
    guess = torch.ones(1, 2, 8, 9)
    guided = network(*images, 1, guess)
    torch.testing.assert_close(guided[:, :, 8:-8, 8:-8], torch.full((1, 2, 48, 56), 8.0))
