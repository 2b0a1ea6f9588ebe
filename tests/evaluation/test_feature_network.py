"""The network keeps sizes, tells motions apart, and is the same after it was in a file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from evaluation.feature_network import (
    Description,
    FeatureNetwork,
    load_network,
    save_network,
    tensor_fingerprint,
)


def described(channels: int = 8) -> Description:
    return Description("carlasc", 12, (0.4, 0.4, 0.375), 0.1, channels, 0, 0, 1, "none")


@pytest.fixture
def network() -> FeatureNetwork:
    return FeatureNetwork(described()).eval()


def moving(frames: int = 4) -> Tensor:
    """A wall that comes nearer."""
    classes = torch.zeros(frames, 16, 8, 8, dtype=torch.uint8)
    for t in range(frames):
        classes[t, 12 - 2 * t] = 1
    return classes


@pytest.mark.parametrize("size", [(16, 8, 8), (17, 9, 5), (3, 2, 1)])
def test_logits_have_the_size_of_the_grid(network: FeatureNetwork, size: tuple[int, int, int]) -> None:
    pairs = torch.randint(0, 12, (3, 2, *size), dtype=torch.uint8)
    assert network(pairs).shape == (3, 12, 2, *size)


def test_features_tell_motions_apart(network: FeatureNetwork) -> None:
    """The same frames standing still, in another order and backwards are other sequences."""
    classes = moving()
    rows = [
        network.features(each)
        for each in (classes, classes[:1].expand(4, -1, -1, -1), classes[[0, 2, 1, 3]], classes.flip(0))
    ]
    for i, first in enumerate(rows):
        assert first.shape == (16,)
        for second in rows[:i]:
            assert (first - second).norm() > 1e-4
    assert (rows[1][8:] == 0).all(), "what stands still does not change"
    assert (network.features(classes[:1])[8:] == 0).all()


def test_features_are_in_deviations_of_the_training_set(network: FeatureNetwork) -> None:
    plain = network.features(moving())
    network.centre.fill_(2.0)
    network.deviation.fill_(4.0)
    torch.testing.assert_close(network.features(moving()), (plain - 2) / 4)


def test_file_round_trip(network: FeatureNetwork, tmp_path: Path) -> None:
    path = tmp_path / "features.safetensors"
    save_network(path, network)
    again = load_network(path)
    assert again.description == network.description
    assert again.fingerprint == network.fingerprint
    assert torch.equal(again.features(moving()), network.features(moving()))


def test_a_changed_weight_changes_the_fingerprint(network: FeatureNetwork) -> None:
    before = network.fingerprint
    with torch.no_grad():
        network.embedding.weight[0, 0] += 1e-3
    assert network.fingerprint != before
    assert tensor_fingerprint([torch.zeros(2, 3)]) != tensor_fingerprint([torch.zeros(3, 2)])


@pytest.mark.parametrize("damage", ["missing", "cut off", "text", "other size", "no description"])
def test_broken_files(network: FeatureNetwork, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "features.safetensors"
    if damage != "missing":
        save_network(path, network)
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("not a network")
    elif damage == "other size":
        network.description = described(channels=24)
        save_network(path, network)
    elif damage == "no description":
        path.write_bytes(path.read_bytes().replace(b'"description"', b'"descriptive"'))
    with pytest.raises(UserError, match=r"features\.safetensors"):
        load_network(path)
