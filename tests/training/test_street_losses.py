"""Each term by hand: what it is zero for, and what it grows with."""

import pytest
import torch

from scene.deformation import Change, Deformation
from scene.street_gaussians import StreetGaussians
from tests.scene.test_street_gaussians import street
from training.street_losses import StreetLossConfig, change_penalty, gate_entropy, motion_priors

NOTHING = {name: type(value)(0) for name, value in vars(StreetLossConfig()).items()}


def only(**weights: float) -> StreetLossConfig:
    return StreetLossConfig(**{**NOTHING, **weights})  # pyright: ignore[reportArgumentType]


def test_changes_cost_their_size() -> None:
    change = Change(*(torch.full((4, 3), size) for size in (0.5, -0.1, 0.2)), torch.full((4, 8), -2.0))
    assert change_penalty(change, only(change_l1=1.0)) == pytest.approx(0.8)
    assert change_penalty(change, only(change_l2=1.0)) == pytest.approx(0.25 + 0.01 + 0.04)
    assert change_penalty(change, only(feature_l1=1.0)) == pytest.approx(2.0)
    assert change_penalty(change, only(feature_l2=1.0)) == pytest.approx(4.0)
    assert change_penalty(Change(*(torch.zeros(0, size) for size in (3, 3, 3, 8))), only(change_l1=1.0)) == 0


def test_entropy_is_largest_at_one_half() -> None:
    assert gate_entropy(torch.zeros(3)) == pytest.approx(0.6931, abs=1e-4)
    assert gate_entropy(torch.tensor([9.0, -9.0])) < 2e-3


def priors(model: StreetGaussians, config: StreetLossConfig) -> float:
    return motion_priors(model, 1.0, 0.1, config, torch.Generator().manual_seed(0)).item()


def test_rigid_motion_is_free() -> None:
    model = street()
    with torch.no_grad():
        model.parameters["times_s"].fill_(1.0)
        model.parameters["velocities"][6:] = torch.tensor([1.0, 2.0, 0.0])
    assert priors(model, only(rigidity_weight=1.0)) == 0
    with torch.no_grad():
        model.parameters["means"][6:] = torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [9, 9, 9]])
        model.parameters["velocities"][6] += torch.tensor([0.0, 0.0, 3.0])
    # The far one is nobody's neighbour; the two near ones differ by 3 m/s.
    assert priors(model, only(rigidity_weight=1.0)) == pytest.approx(2.0)


def test_steady_motion_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    model = street()
    config = only(steadiness_weight=1.0)
    assert priors(model, config) == 0
    for power, expected in ((1, 0.0), (2, 0.02)):
        monkeypatch.setattr(
            Deformation,
            "forward",
            lambda self, xyz, time, power=power: Change(
                torch.tensor([(2 * time) ** power, 0, 0]).expand(len(xyz), 3), xyz, xyz, xyz
            ),
        )
        # Second difference of t^2 over 0.1 s, of the 2 s that the field's time stands for: 2 * 0.1^2.
        assert priors(model, config) == pytest.approx(expected, abs=1e-6)


def test_weights_are_not_negative() -> None:
    with pytest.raises(ValueError, match="sky_weight"):
        StreetLossConfig(sky_weight=-1.0)
