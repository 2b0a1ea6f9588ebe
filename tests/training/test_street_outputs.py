"""Cameras beside the recorded ones, and the table of scores; the files are those of test_train_street."""

import pytest
import torch

from scene.cameras import Cameras
from training.street_outputs import format_scores, shifted


def test_a_camera_moves_to_its_own_right() -> None:
    viewmat = torch.eye(4)
    viewmat[:3, :3] = torch.tensor([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])  # looks along x, z is up
    viewmat[:3, 3] = torch.tensor([0.3, 0.2, 0.1])
    camera = Cameras(viewmat[None], torch.eye(3)[None], torch.tensor([8]), torch.tensor([6]))
    moved = shifted(camera, 2.0)
    torch.testing.assert_close(moved.centers - camera.centers, torch.tensor([[0.0, -2.0, 0.0]]))
    torch.testing.assert_close(moved.viewmats[:, :3, :3], camera.viewmats[:, :3, :3])


def test_the_table_has_a_line_a_number_and_a_dash_for_what_is_not_known() -> None:
    lines = format_scores({"test": {"psnr": 25.5, "dpsnr": 20.0}, "train": {"psnr": 27.25}}).splitlines()
    assert [line.split() for line in lines] == [
        ["test", "train"], ["psnr", "25.500", "27.250"], ["dpsnr", "20.000", "-"],
    ]  # fmt: skip


@pytest.mark.parametrize("shift", [-1.5, 0.0])
def test_shifts_add(shift: float) -> None:
    camera = Cameras(torch.eye(4)[None], torch.eye(3)[None], torch.tensor([8]), torch.tensor([6]))
    torch.testing.assert_close(
        shifted(shifted(camera, shift), 1.0).viewmats, shifted(camera, shift + 1.0).viewmats
    )
