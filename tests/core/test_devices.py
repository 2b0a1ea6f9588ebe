"""The device is one that computes."""

import torch

from core.devices import best_device


def test_the_best_device_is_there() -> None:
    assert torch.ones(2, device=best_device()).sum() == 2
    assert (best_device().type == "cpu") != torch.cuda.is_available()
