"""Each term by hand: what it is zero for, and what it grows with."""

import pytest
import torch

from scene.deformation import Change, Deformation
from scene.street_gaussians import StreetGaussians
from tests.scene.test_deformation import make
from tests.scene.test_street_gaussians import street
from training.street_losses import (
    StreetLossConfig,
    change_penalty,
    field_penalty,
    gate_entropy,
    motion_priors,
    sky_term,
)

NOTHING = {name: type(value)(0) for name, value in vars(StreetLossConfig()).items()}


def only(**weights: float) -> StreetLossConfig:
    return StreetLossConfig(**{**NOTHING, **weights})  # pyright: ignore[reportArgumentType]


def test_changes_cost_their_size() -> None:
    colors, scales, opacities = torch.full((4, 4, 3), 0.2), torch.full((4, 3), 1.0), torch.full((4,), -2.0)
    means, rotations, features = torch.full((4, 3), 0.5), torch.full((4, 3), -0.1), torch.full((4, 8), -2.0)
    change = Change(means, rotations, colors, None, None, features)
    assert change_penalty(change, only(change_l1=1.0)) == pytest.approx(0.8)
    assert change_penalty(change, only(change_l2=1.0)) == pytest.approx(0.25 + 0.01 + 0.04)
    whole = change._replace(scales=scales, opacities=opacities)
    assert change_penalty(whole, only(change_l1=1.0)) == pytest.approx(3.8)
    nothing = Change(means[:0], rotations[:0], colors[:0], None, None, features[:0])
    assert change_penalty(nothing, only(change_l1=1.0)) == 0


def test_each_kind_of_field_has_its_own_penalty() -> None:
    features = torch.full((4, 8), -2.0)
    grid, planes = make("hash").field, make("hexplane").field
    assert field_penalty(grid, features, 1, only(feature_l1=1.0)) == pytest.approx(2.0)
    assert field_penalty(grid, features, 1, only(feature_l2=1.0)) == pytest.approx(4.0)
    assert field_penalty(grid, features[:0], 1, only(feature_l1=1.0)) == 0
    assert field_penalty(grid, features, 1, only(plane_tv=1.0, plane_time_l1=1.0)) == 0
    assert field_penalty(planes, features, 1, only(plane_tv=1.0)) > 0
    assert field_penalty(planes, features, 1, only(feature_l1=1.0, plane_time_smoothness=1.0)) == 0
    tv = only(plane_tv=1.0)
    whole = planes.regularisation(plane_tv=1.0, time_smoothness=0.0, time_l1=0.0)  # pyright: ignore[reportCallIssue]
    a_cycle = sum(field_penalty(planes, features, step, tv).item() for step in range(1, 9))
    assert a_cycle == pytest.approx(8 * whole.item())
    with torch.no_grad():
        for name, plane in planes.planes.items():  # pyright: ignore[reportCallIssue]
            if name.startswith("t"):
                plane.add_(torch.arange(plane.shape[1])[:, None] ** 2)
    assert field_penalty(planes, features, 1, only(plane_time_smoothness=1.0)) > 1
    assert field_penalty(planes, features, 1, only(plane_time_l1=1.0)) > 1


def test_entropy_is_largest_at_one_half() -> None:
    assert gate_entropy(torch.zeros(3)) == pytest.approx(0.6931, abs=1e-4)
    assert gate_entropy(torch.tensor([9.0, -9.0])) < 2e-3


def priors(model: StreetGaussians, config: StreetLossConfig) -> float:
    there = model.moment(1.0).there
    return motion_priors(model, there, 1.0, 0.1, config, torch.Generator().manual_seed(0)).item()


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

        def forward(self: Deformation, xyz: torch.Tensor, times: torch.Tensor, power: int = power) -> Change:
            means = torch.zeros_like(xyz)
            means[:, 0] = (2 * times) ** power
            return Change(means, xyz, xyz[:, None], None, None, xyz)

        monkeypatch.setattr(Deformation, "forward", forward)
        # Second difference of t^2 over 0.1 s, of the 2 s that the field's time stands for: 2 * 0.1^2.
        assert priors(model, config) == pytest.approx(expected, abs=1e-6)


def test_sky_masks_of_another_size_are_shrunk() -> None:
    seen = torch.zeros(8, 12)
    seen[:4] = 1
    right, wrong = torch.zeros(4, 6), torch.zeros(4, 6)
    right[2:], wrong[:2] = 1, 1
    assert sky_term(right, seen, None) < 2e-4
    assert sky_term(wrong, seen, None) > 5
    weights = torch.zeros(4, 6)
    assert sky_term(wrong, seen, weights) == 0


def test_weights_are_not_negative() -> None:
    with pytest.raises(ValueError, match="sky_weight"):
        StreetLossConfig(sky_weight=-1.0)
    with pytest.raises(ValueError, match="lpips_from"):
        StreetLossConfig(lpips_from=1.5)
