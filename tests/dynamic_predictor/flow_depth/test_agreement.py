"""Depths asked of other frames."""

import torch

from dynamic_predictor.flow_depth.agreement import agreement
from tests.dynamic_predictor.flow_depth.scenes import HEIGHT, WIDTH, cameras, slanted_plane

PATH = cameras(3, (0.15, 0.05, 0.1), turn=0.02)
INVERSE = torch.stack([1 / slanted_plane(PATH[row]) for row in range(3)])
REACH_PX = 12.0


def test_true_depths_agree_and_are_carried_over_exactly() -> None:
    agree, contradict, total = agreement(1, [0, 2], INVERSE, PATH, REACH_PX)
    assert not contradict.any()
    assert (agree == 2).float().mean() > 0.8
    torch.testing.assert_close(total, agree * INVERSE[1], atol=1e-4, rtol=0)


def test_a_point_before_what_others_see_is_contradicted_and_one_behind_it_is_hidden() -> None:
    wrong = INVERSE.clone()
    wrong[1, 20:24, 20:24] *= 1.5
    wrong[1, 30:34, 30:34] *= 0.6
    agree, contradict, _ = agreement(1, [0, 2], wrong, PATH, REACH_PX)
    assert bool((contradict[20:24, 20:24] == 2).all())
    assert not contradict[30:34, 30:34].any()
    assert not agree[20:24, 20:24].any()
    assert not agree[30:34, 30:34].any()


def test_unknown_depths_have_no_say() -> None:
    partial = INVERSE.clone()
    partial[0] = 0
    agree, contradict, total = agreement(1, [0], partial, PATH, REACH_PX)
    assert not (agree + contradict + total).any()
    partial = INVERSE.clone()
    partial[1, :5] = 0
    agree, contradict, _ = agreement(1, [0, 2], partial, PATH, REACH_PX)
    assert not (agree + contradict)[:5].any()
    assert agree.shape == (HEIGHT, WIDTH)
