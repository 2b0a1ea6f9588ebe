"""Evidence of motion in a room whose flow and depth are exact."""

import numpy as np
import pytest
import torch

from dynamic_predictor.classical.evidence import Evidence, gather
from dynamic_predictor.classical.remembered import RememberedFlow, as_array
from scene.cameras import Cameras
from tests.dynamic_predictor.classical.rooms import (
    HEIGHT,
    WIDTH,
    blank,
    depth_of,
    disc,
    known_flow,
    photograph,
    still_flow,
    turns_on_the_spot,
    walk,
    with_disc,
)

COUNT, ROW = 5, 2
CAMERAS = walk(COUNT)
PICTURES = [photograph(camera) for camera in (CAMERAS[row] for row in range(COUNT))]
DEPTHS = torch.stack([depth_of(CAMERAS[row]) for row in range(COUNT)])
THING, INSIDE = disc((45, 30), 9).numpy(), disc((45, 30), 6).numpy()
AROUND = disc((45, 30), 13).numpy()


def evidence_of(
    pictures: list[torch.Tensor],
    flows: RememberedFlow,
    depths: torch.Tensor = DEPTHS,
    cameras: Cameras = CAMERAS,
    *,
    row: int = ROW,
    gaps: tuple[int, ...] = (1, 2),
) -> Evidence:
    return gather(row, [as_array(one) for one in pictures], flows, depths, cameras, gaps, gaps)


@pytest.mark.parametrize("row", range(COUNT))
def test_a_room_at_rest_gives_none(row: int) -> None:
    evidence = evidence_of(PICTURES, still_flow(CAMERAS), row=row)
    assert evidence.flow_px.shape == evidence.photo.shape == (HEIGHT, WIDTH)
    assert evidence.flow_px.max() < 0.02  # 16-bit flow of some 20 px
    # Where walls meet, a pixel is a mixture of both.
    assert np.quantile(evidence.photo, 0.99) < 0.02


def test_what_departs_from_the_ego_motion_is_told_in_pixels() -> None:
    still = still_flow(CAMERAS)

    def flow(one: int, two: int) -> torch.Tensor:
        exact = still.between(one, two)
        assert exact is not None
        return torch.from_numpy(exact) + torch.from_numpy(THING)[..., None] * torch.tensor([0.0, 3.0])

    evidence = evidence_of(PICTURES, known_flow(blank(COUNT), flow))
    # The dominant plane may explain a part of it.
    assert evidence.flow_px[THING].min() > 1.5
    assert evidence.flow_px[THING].max() < 3.01
    assert evidence.flow_px[~THING].max() < 0.02


def test_one_direction_alone_is_no_evidence() -> None:
    """What the frame after denies may be covered there; the frame before decides."""
    still = still_flow(CAMERAS)

    def flow(one: int, two: int) -> torch.Tensor:
        exact = still.between(one, two)
        assert exact is not None
        wrong = torch.from_numpy(THING)[..., None] * torch.tensor([0.0, 5.0])
        return torch.from_numpy(exact) + wrong * float(two > one)

    assert evidence_of(PICTURES, known_flow(blank(COUNT), flow)).flow_px.max() < 0.02


def test_a_thing_that_was_elsewhere_shows_in_the_photographs() -> None:
    pictures = [
        with_disc(picture, (45.0 + 25 * (row - ROW), 30.0), 9) for row, picture in enumerate(PICTURES)
    ]
    photo = evidence_of(pictures, still_flow(CAMERAS)).photo
    assert (photo[INSIDE] > 0.1).mean() > 0.9
    # A place that is covered in one neighbour is free in the other.
    assert np.quantile(photo[~AROUND], 0.98) < 0.03


@pytest.mark.parametrize("gain", [0.8, 1.25])
def test_brightness_alone_is_no_evidence(gain: float) -> None:
    dimmed = [(picture * 0.75).to(torch.uint8) for picture in PICTURES]
    other = [(picture * 0.75 * gain).to(torch.uint8) for picture in PICTURES]
    pictures = [dimmed[row] if row == ROW else other[row] for row in range(COUNT)]
    photo = evidence_of(pictures, still_flow(CAMERAS)).photo
    assert np.quantile(photo, 0.99) < 0.02


def test_a_pixel_of_misalignment_is_forgiven() -> None:
    shifted = [picture if row == ROW else picture.roll(1, 1) for row, picture in enumerate(PICTURES)]
    photo = evidence_of(shifted, still_flow(CAMERAS)).photo
    assert np.quantile(photo[:, 4:-4], 0.95) < 0.02


def test_without_depth_the_dominant_plane_stands_in() -> None:
    cameras = turns_on_the_spot(COUNT)
    pictures = [photograph(cameras[row]) for row in range(COUNT)]
    evidence = evidence_of(pictures, still_flow(cameras), torch.zeros_like(DEPTHS), cameras)
    assert evidence.flow_px.max() < 0.05
    assert not evidence.photo.any()  # nothing says where to look


def test_one_frame_gives_none() -> None:
    evidence = evidence_of(PICTURES[:1], still_flow(CAMERAS[:1]), DEPTHS[:1], CAMERAS[:1], row=0)
    assert not evidence.flow_px.any()
    assert not evidence.photo.any()
