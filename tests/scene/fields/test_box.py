"""Where in a field's box a place lies."""

import pytest
import torch

from core.errors import UserError
from scene.fields.box import checked_box, place_in_box

BOX = torch.tensor([[-10.0, 0.0, -1.0], [30.0, 20.0, 4.0]])


def test_corners_are_zero_and_one() -> None:
    places = place_in_box(torch.stack([BOX[0], BOX[1], BOX.mean(dim=0)]), torch.tensor([0.0, 1.0, 0.5]), BOX)
    torch.testing.assert_close(places, torch.tensor([0.0, 1.0, 0.5])[:, None].expand(3, 4))


def test_outside_is_told() -> None:
    place = place_in_box(torch.tensor([[70.0, -20.0, 0.0]]), torch.tensor(2.0), BOX)
    torch.testing.assert_close(place, torch.tensor([[2.0, -1.0, 0.2, 2.0]]))


@pytest.mark.parametrize("box", [BOX.flip(0), BOX * torch.tensor([1.0, 0.0, 1.0]), BOX * torch.inf])
def test_a_box_without_volume_is_refused(box: torch.Tensor) -> None:
    with pytest.raises(UserError, match="upper corner is above its lower one"):
        checked_box(box)
