"""Cameras that move, turn, or stand still."""

import pytest
import torch

from dynamic_predictor.alignment.camera_motion import camera_motion, stands_still
from dynamic_predictor.alignment.flow_term import PairFlows
from tests.dynamic_predictor.alignment.scenes import FOCAL, camera_path, wall


@pytest.mark.parametrize(
    ("step", "turn", "motion"), [(0.1, 0.02, "general"), (0.0, 0.05, "rotation"), (0.0, 0.0, "static")]
)
def test_kinds_of_motion(step: float, turn: float, motion: str) -> None:
    c2w = camera_path(4, step, turn)
    depths = torch.full((4, 10), 3.0, dtype=torch.float64)
    assert camera_motion(c2w, depths, torch.full((4,), FOCAL).double(), 0.5) == motion


def test_far_things_do_not_show_a_small_step() -> None:
    c2w = camera_path(3, 0.05, 0.0)
    focals = torch.full((3,), FOCAL, dtype=torch.float64)
    assert camera_motion(c2w, torch.full((3, 9), 1.0).double(), focals, 0.5) == "general"
    assert camera_motion(c2w, torch.full((3, 9), 1e3).double(), focals, 0.5) == "static"


def flows(length_px: float, share: float) -> PairFlows:
    edges = wall(3).pairs.edges
    flow = torch.zeros(len(edges), 100, 2)
    flow[:, : int(100 * share), 0] = length_px
    return PairFlows(edges, flow, torch.ones(len(edges), 100, dtype=torch.bool))


@pytest.mark.parametrize(
    ("length_px", "share", "still"),
    [(0.0, 0.0, True), (0.2, 1.0, True), (5.0, 0.05, True), (5.0, 0.3, False)],
)
def test_flow_tells_a_still_camera(length_px: float, share: float, still: bool) -> None:
    assert stands_still(flows(length_px, share), 0.5) == still


def test_flow_that_is_used_nowhere_tells_nothing() -> None:
    nothing = flows(0.0, 0.0)
    assert not stands_still(PairFlows(nothing.edges, nothing.flows, ~nothing.used), 0.5)
