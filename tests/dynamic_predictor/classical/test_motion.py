"""What moves in a room whose cameras and depth are exact."""

import torch

from dynamic_predictor.classical.motion import DECISION, decide, moving_probabilities
from dynamic_predictor.classical.remembered import RememberedFlow
from dynamic_predictor.ego_motion import ego_flow
from tests.dynamic_predictor.classical.rooms import (
    depth_of,
    disc,
    known_flow,
    photograph,
    still_flow,
    walk,
    with_disc,
)

COUNT, RADIUS = 6, 9.0
CAMERAS = walk(COUNT)
DEPTHS = torch.stack([depth_of(CAMERAS[row]) for row in range(COUNT)])
CENTERS = [(20.0 + 11 * row, 25.0 + 2 * row) for row in range(COUNT)]
THINGS = torch.stack([disc(center, RADIUS) for center in CENTERS])


def with_a_thing() -> tuple[list[torch.Tensor], RememberedFlow]:
    """Pictures with a disc that crosses the room, and their exact flow."""
    pictures = [with_disc(photograph(CAMERAS[row]), CENTERS[row], RADIUS) for row in range(COUNT)]

    def flow(one: int, two: int) -> torch.Tensor:
        still = ego_flow(DEPTHS[one], CAMERAS[one], CAMERAS[two])
        step = torch.tensor(CENTERS[two]) - torch.tensor(CENTERS[one])
        return torch.where(THINGS[one][..., None], step, still)

    return pictures, known_flow(pictures, flow)


def test_a_thing_that_crosses_the_room_is_found() -> None:
    pictures, flows = with_a_thing()
    probabilities = moving_probabilities(pictures, flows, DEPTHS, CAMERAS)
    assert probabilities.shape == DEPTHS.shape
    assert float(probabilities.min()) >= 0
    assert float(probabilities.max()) <= 1
    masks = decide(probabilities)
    overlaps = (masks & THINGS).flatten(1).sum(1) / (masks | THINGS).flatten(1).sum(1)
    assert overlaps.min() > 0.75


def test_where_nothing_moves_nothing_is_found() -> None:
    pictures = [photograph(CAMERAS[row]) for row in range(COUNT)]
    probabilities = moving_probabilities(pictures, still_flow(CAMERAS, pictures), DEPTHS, CAMERAS)
    assert not probabilities.any()


def test_one_frame_alone_shows_no_motion() -> None:
    picture = photograph(CAMERAS[0])
    flows = still_flow(CAMERAS[:1], [picture])
    assert not moving_probabilities([picture], flows, DEPTHS[:1], CAMERAS[:1]).any()


def test_the_decision_is_taken_above_one_half_of_the_votes() -> None:
    probabilities = torch.tensor([[[0.0, DECISION, DECISION + 1e-3, 1.0]]])
    assert decide(probabilities).tolist() == [[[False, False, True, True]]]
