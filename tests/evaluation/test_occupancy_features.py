"""Features of sequences by a network, by counting, and by pictures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from evaluation.feature_training import FeatureTraining, train_features
from evaluation.occupancy_features import (
    counted_features,
    load_picture_network,
    network_features,
    picture_features,
)
from scene.occupancy.classes import CARLASC, OCC3D_WAYMO
from scene.occupancy.sequence import Grid, Occupancy

GRID = Grid((8, 8, 4), (0.0, -1.6, -2.0), (0.4, 0.4, 0.375))


def sequence(seed: int, frames: int = 3) -> Occupancy:
    drawn = torch.Generator().manual_seed(seed)
    return Occupancy(
        torch.randint(0, 11, (frames, 8, 8, 4), generator=drawn, dtype=torch.uint8), CARLASC, GRID
    )


def test_network_features_refuse_what_the_network_has_not_seen() -> None:
    network = train_features([sequence(0)], FeatureTraining(steps=0, channels=8))
    assert network_features(network, [sequence(1), sequence(2, frames=5)]).shape == (2, 16)
    with pytest.raises(UserError, match="'occ3d-waymo'"):
        network_features(network, [replace(sequence(0), class_set=OCC3D_WAYMO)])
    coarse = Grid(GRID.size, GRID.origin_m, (0.8, 0.8, 0.4))
    with pytest.raises(UserError, match=r"\(0.8, 0.8, 0.4\) m"):
        network_features(network, [replace(sequence(0), grid=coarse)])


def test_counted_features_against_loops() -> None:
    each = sequence(0, frames=2)
    found, classes = counted_features([each])[0].square(), each.classes
    assert found.shape == (12 * (4 + 4 + 1),)
    for c in range(12):
        layer = sum(int(v == c) for v in classes[:, :, :, 2].flatten())
        assert float(found[12 * 2 + c]) == pytest.approx(layer / 128)
        back_left = sum(int(v == c) for v in classes[:, :4, 4:].flatten())
        assert float(found[12 * 5 + c]) == pytest.approx(back_left / 128)
        pairs = zip(classes[0].flatten(), classes[1].flatten(), strict=True)
        became = sum(int(later == c and earlier != c) for earlier, later in pairs)
        assert float(found[12 * 8 + c]) == pytest.approx(became / 256)


def test_counted_features_of_one_frame() -> None:
    assert (counted_features([sequence(0, frames=1)])[0, -12:] == 0).all()


class Averages(torch.nn.Module):
    """Stands for a picture network: mean colours."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean((2, 3))


class AsksForFeatures(torch.nn.Module):
    """Like the export of Inception: classes unless features are asked for."""

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        means = images.float().mean((2, 3))
        return means[:, :2] if return_features else means * 0


class Flat(torch.nn.Module):
    """Returns a number for a batch."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
class TestPictures:
    def saved(self, module: torch.nn.Module, folder: Path) -> Path:
        torch.jit.script(module).save(folder / "net.pt")
        return folder / "net.pt"

    def test_features_are_of_the_pictures(self, tmp_path: Path) -> None:
        network = load_picture_network(self.saved(Averages(), tmp_path))
        road, car = (
            Occupancy(torch.full((2, 8, 8, 4), c, dtype=torch.uint8), CARLASC, GRID) for c in (6, 10)
        )
        found = picture_features(network, [road, car, road])
        assert found.shape == (3, 3)
        assert torch.equal(found[0], found[2])
        assert found[1, 2] > found[1, 0], "cars are blue"

    def test_features_are_asked_for(self, tmp_path: Path) -> None:
        network = load_picture_network(self.saved(AsksForFeatures(), tmp_path))
        found = picture_features(network, [sequence(0)])
        assert found.shape == (1, 2)
        assert (found > 0).all()

    def test_what_is_no_features(self, tmp_path: Path) -> None:
        network = load_picture_network(self.saved(Flat(), tmp_path))
        with pytest.raises(UserError, match=r"returned \[\] for 3 images"):
            picture_features(network, [sequence(0)])

    def test_files_that_are_no_networks(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="does not exist"):
            load_picture_network(tmp_path / "absent.pt")
        (tmp_path / "text.pt").write_text("not a network")
        with pytest.raises(UserError, match="no TorchScript"):
            load_picture_network(tmp_path / "text.pt")
