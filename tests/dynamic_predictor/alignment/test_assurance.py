"""How sure a path is."""

import pytest
import torch

from dynamic_predictor.alignment.assurance import assurance_of, flow_residual_px
from dynamic_predictor.alignment.flow_term import PairFlows
from tests.dynamic_predictor.alignment.scenes import FOCAL, wall
from tests.dynamic_predictor.alignment.test_flow_term import exact_flows

ALL = torch.ones(3, dtype=torch.bool)


def test_the_residual_is_the_middle_distance_of_flows() -> None:
    scene = wall(3)
    flows = exact_flows(scene)
    shifted = PairFlows(flows.edges, flows.flows + torch.tensor([3.0, 4.0]).double(), flows.used)
    static = torch.ones_like(scene.depths, dtype=torch.bool)
    focals = torch.full((3,), FOCAL, dtype=torch.float64)
    arguments = (scene.depths, scene.c2w, focals, scene.pairs.pixels)
    assert flow_residual_px(flows, static, *arguments) == pytest.approx(0, abs=1e-6)
    assert flow_residual_px(shifted, static, *arguments) == pytest.approx(5, abs=1e-6)
    assert flow_residual_px(shifted, ~static, *arguments) is None


def test_levels() -> None:
    good = assurance_of("general", ALL, 0.4, 0.1)
    assert (good.level, good.sentences) == ("high", ())
    assert good.numbers is not None
    assert good.numbers["flow_residual_px"] == 0.4
    assert assurance_of("general", ALL, 5.0, 0.1).level == "medium"
    assert assurance_of("general", torch.tensor([True, False, True]), None, None).level == "medium"
    assert assurance_of("rotation", ALL, 0.4, 0.1).level == "medium"
    still = assurance_of("static", ALL, 0.4, 0.1)
    assert still.level == "low"
    assert len(still.sentences) == 1
