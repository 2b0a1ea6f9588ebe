"""RAFT: the names and sizes of its published file, and laws that hold for any weights."""

import torch

from dynamic_predictor.flow.raft import Raft, ResidualBlock, SeparableGru


def test_names_and_sizes_are_those_of_the_published_file() -> None:
    with torch.device("meta"):
        network = Raft()
    names = network.state_dict()
    assert len(names) == 179
    assert sum(parameter.numel() for parameter in network.parameters()) == 5_257_536
    shapes = {
        "fnet.layer2.0.downsample.0.weight": (96, 64, 1, 1),
        "cnet.layer3.0.norm3.running_mean": (128,),
        "cnet.layer3.0.downsample.1.running_mean": (128,),
        "cnet.conv2.weight": (256, 128, 1, 1),
        "update_block.encoder.convc1.weight": (256, 324, 1, 1),
        "update_block.gru.convz1.weight": (128, 384, 1, 5),
        "update_block.gru.convq2.weight": (128, 384, 5, 1),
        "update_block.flow_head.conv2.bias": (2,),
        "update_block.mask.2.weight": (576, 256, 1, 1),
    }
    assert {name: tuple(names[name].shape) for name in shapes} == shapes
    assert not any(name.startswith("fnet") and "norm" in name for name in names)


def test_a_strided_norm_has_two_names_and_one_set_of_weights() -> None:
    block = ResidualBlock(4, 6, torch.nn.BatchNorm2d, stride=2)
    assert block.downsample is not None
    assert block.downsample[1] is block.norm3
    assert block(torch.rand(2, 4, 8, 6)).shape == (2, 6, 4, 3)


def test_a_block_never_falls_below_its_input() -> None:
    x = torch.rand(2, 4, 8, 6)
    assert bool((ResidualBlock(4, 4, torch.nn.InstanceNorm2d)(x) >= x).all())


@torch.inference_mode()
def test_a_step_of_zero_keeps_the_guess() -> None:
    network = Raft().eval()
    head = network.update_block.flow_head.conv2
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    images = torch.rand(2, 1, 3, 64, 72)
    guess = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 8, 9)
    flow = network(*images, 2, guess)
    assert flow.shape == (1, 2, 64, 72)
    torch.testing.assert_close(flow[:, :, 8:-8, 8:-8], 8 * guess[:, :, :1, :1].expand(1, 2, 48, 56))
    assert not network(*images, 2).any()


@torch.inference_mode()
def test_pairs_of_a_batch_do_not_see_each_other() -> None:
    network = Raft().eval()
    images = 2 * torch.rand(2, 2, 3, 64, 64) - 1
    both = network(images[0], images[1], 3)
    assert both.abs().max() > 0
    for row in range(2):
        alone = network(images[0, row : row + 1], images[1, row : row + 1], 3)
        torch.testing.assert_close(both[row : row + 1], alone, atol=1e-4, rtol=1e-4)


def test_a_closed_gate_keeps_the_hidden_state() -> None:
    gru = SeparableGru()
    for name in ("convz1", "convz2"):
        torch.nn.init.constant_(gru.get_submodule(name).bias, -200.0)
    hidden = torch.randn(1, 128, 5, 6).tanh()
    torch.testing.assert_close(gru(hidden, torch.randn(1, 256, 5, 6)), hidden)
