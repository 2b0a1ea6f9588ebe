"""What a stepper does with a loss."""

import pytest
import torch

from training.task import NonFiniteLossError, RehearsalOverError, RehearsalStepper, Stepper


def test_backward_gives_the_number_and_the_gradient() -> None:
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    assert Stepper().backward((leaf * leaf).sum()) == 5.0
    assert torch.equal(leaf.grad, torch.tensor([2.0, 4.0]))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_bad_loss_gives_no_gradient(bad: float) -> None:
    leaf = torch.tensor(1.0, requires_grad=True)
    with pytest.raises(NonFiniteLossError, match="the loss is"):
        Stepper().backward(leaf * bad)
    assert leaf.grad is None


def test_a_rehearsal_ends_before_the_updates() -> None:
    leaf = torch.tensor(1.0, requires_grad=True)
    with pytest.raises(RehearsalOverError):
        RehearsalStepper().backward(leaf * 2)
    assert leaf.grad is not None
