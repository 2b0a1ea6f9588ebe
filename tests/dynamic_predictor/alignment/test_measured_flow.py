"""Flows of pairs, and what they say of motion."""

import torch
from torch import Tensor

from dynamic_predictor.alignment.measured_flow import MotionFromFlow, measure_flows
from tests.dynamic_predictor.alignment.scenes import FOCAL, HEIGHT, WIDTH, Wall, wall
from tests.dynamic_predictor.alignment.test_flow_term import implied

SIZE = (HEIGHT, WIDTH)


class Sliding:
    """A flow that is the difference of the images' grey values, sideways."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, source: Tensor, target: Tensor, initial: Tensor | None = None) -> Tensor:
        self.calls += 1
        flow = torch.zeros(*source.shape[:2], 2)
        flow[..., 0] = target[0, 0, 0].float() - source[0, 0, 0].float()
        return flow


def test_each_flow_is_computed_once_and_serves_where_it_is_confirmed() -> None:
    images = [torch.full((8, 10, 3), value, dtype=torch.uint8) for value in (0, 2, 5)]
    method, lattice = Sliding(), torch.tensor([0, 9, 45])
    seen: list[tuple[int, int]] = []
    found = measure_flows(images, [(0, 1), (1, 2)], method, lattice, lambda i, j, *_: seen.append((i, j)))
    assert method.calls == 4
    assert found.edges.tolist() == [[0, 1], [1, 2], [1, 0], [2, 1]]
    assert seen == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert found.flows[:, 0, 0].tolist() == [2, 3, -2, -3]
    assert found.used[0].tolist() == [True, False, True]  # the second leaves the image to the right
    assert found.used[2].tolist() == [False, True, True]


def seen_motion(scene: Wall, mover: Tensor | None, extra_px: float) -> Tensor:
    motion = MotionFromFlow(scene.pairs, SIZE)
    for i, j in scene.pairs.edges.tolist():
        flow = implied(scene, i, j).float().reshape(*SIZE, 2)
        if mover is not None:
            flow[mover] += extra_px
        motion(i, j, flow, torch.ones(SIZE, dtype=torch.bool))
    return motion.probabilities()


def test_what_moves_differs_from_the_flow_of_a_still_scene() -> None:
    mover = torch.zeros(SIZE, dtype=torch.bool)
    mover[3:7, 4:9] = True
    found = seen_motion(wall(3), mover, 4.0)
    assert (found[:, mover] > 0.9).all()
    assert (found[:, ~mover] < 0.1).all()


def test_in_a_still_scene_nothing_moves() -> None:
    assert seen_motion(wall(3), None, 0.0).max() < 0.35


def test_pairs_without_a_say_leave_zero() -> None:
    scene = wall(3, "oneref-0")
    motion = MotionFromFlow(scene.pairs, SIZE, focal=FOCAL)
    motion(0, 1, torch.ones(*SIZE, 2), torch.ones(SIZE, dtype=torch.bool))
    assert torch.equal(motion.probabilities(), torch.zeros(3, *SIZE))
    both = wall(2)
    unconfirmed = MotionFromFlow(both.pairs, SIZE)
    unconfirmed(0, 1, torch.ones(*SIZE, 2), torch.zeros(SIZE, dtype=torch.bool))
    assert torch.equal(unconfirmed.probabilities(), torch.zeros(2, *SIZE))
