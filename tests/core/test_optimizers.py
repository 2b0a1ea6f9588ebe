"""Row-wise Adam: torch's own Adam as the oracle, and laws of the visible-only step."""

import pytest
import torch
from torch import Tensor

from core.optimizers import RowAdam

RATES = {"means": 0.01, "sh": (0.02, 0.001)}


def tables(dtype: torch.dtype = torch.float64, rows: int = 7) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    shapes = {"means": (rows, 3), "sh": (rows, 4, 3)}
    return {
        name: torch.randn(*shape, generator=random, dtype=dtype).requires_grad_()
        for name, shape in shapes.items()
    }


def set_gradients(parameters: dict[str, Tensor], step: int) -> None:
    random = torch.Generator().manual_seed(100 + step)
    for table in parameters.values():
        table.grad = torch.randn(table.shape, generator=random, dtype=torch.float64).to(table)


def copied(adam: RowAdam) -> list[Tensor]:
    return [
        x.detach().clone()
        for group in (adam.parameters, adam.exp_avg, adam.exp_avg_sq)
        for x in group.values()
    ]


def test_it_is_adam() -> None:
    ours, theirs = tables(), tables()
    adam = RowAdam(ours, splits={"sh": 3}, eps=1e-8)
    dc, rest = theirs["sh"][:, :1].detach().requires_grad_(), theirs["sh"][:, 1:].detach().requires_grad_()
    groups = [
        {"params": [theirs["means"]], "lr": 0.01},
        {"params": [dc], "lr": 0.02},
        {"params": [rest], "lr": 0.001},
    ]
    oracle = torch.optim.Adam(groups, eps=1e-8)
    for step in range(5):
        set_gradients(ours, step)
        theirs["means"].grad = ours["means"].grad
        dc.grad, rest.grad = ours["sh"].grad[:, :1], ours["sh"].grad[:, 1:]
        adam.step(RATES)
        oracle.step()
    torch.testing.assert_close(ours["means"], theirs["means"])
    torch.testing.assert_close(ours["sh"], torch.cat([dc, rest], dim=1))


@pytest.mark.parametrize("kernels", [False, True])
def test_rows_that_are_not_visible_keep_everything(kernels: bool) -> None:
    parameters = tables(torch.float32)
    adam = RowAdam(parameters, splits={"sh": 3}, kernels=kernels)
    set_gradients(parameters, 0)
    adam.step(RATES)
    visible = torch.tensor([True, False, True, True, False, False, True])
    before = copied(adam)
    set_gradients(parameters, 1)
    adam.step(RATES, visible=visible)
    for old, new in zip(before, copied(adam), strict=True):
        changed = (old != new).flatten(1).any(1)
        assert torch.equal(changed, visible)


def test_the_visible_step_has_no_bias_correction() -> None:
    parameters = tables()
    start = parameters["means"].detach().clone()
    adam = RowAdam(parameters, splits={"sh": 3})
    set_gradients(parameters, 0)
    grad = parameters["means"].grad
    assert grad is not None
    adam.step(RATES, visible=torch.ones(7, dtype=torch.bool))
    # First step: m = 0.1 g, v = 0.001 g^2.
    expected = start - 0.01 * 0.1 * grad / (0.001**0.5 * grad.abs())
    torch.testing.assert_close(parameters["means"].detach(), expected)


@pytest.mark.parametrize("some", [False, True])
def test_the_kernels_equal_plain_torch(some: bool) -> None:
    pytest.importorskip("splat_kernels")
    both = [
        RowAdam(tables(torch.float32, 40), splits={"sh": 3}, kernels=kernels) for kernels in (True, False)
    ]
    for step in range(6):
        visible = torch.rand(40) > 0.5 if some else None
        for adam in both:
            set_gradients(adam.parameters, step)
            adam.step(RATES, visible=visible)
    for fused, plain in zip(copied(both[0]), copied(both[1]), strict=True):
        torch.testing.assert_close(fused, plain, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("kernels", [False, True])
def test_columns_without_gradients_need_not_be_read(kernels: bool) -> None:
    both = [RowAdam(tables(torch.float32), splits={"sh": 3}, kernels=kernels) for _ in range(2)]
    for step in range(4):
        for adam, active in zip(both, ({"sh": 3}, None), strict=True):
            set_gradients(adam.parameters, step)
            grad = adam.parameters["sh"].grad
            assert grad is not None
            grad[:, 1:] = 0
            adam.step(RATES, active_columns=active)
    for one, other in zip(copied(both[0]), copied(both[1]), strict=True):
        assert torch.equal(one, other)


def test_a_restored_state_goes_on_alike() -> None:
    parameters = tables()
    adam = RowAdam(parameters, splits={"sh": 3})
    for step in range(3):
        set_gradients(parameters, step)
        adam.step(RATES)
    again = RowAdam(
        {name: table.detach().clone().requires_grad_() for name, table in parameters.items()},
        splits={"sh": 3},
    )
    again.load_state_dict(adam.state_dict())
    for each in (adam, again):
        set_gradients(each.parameters, 9)
        each.step(RATES)
    assert all(torch.equal(a, b) for a, b in zip(copied(adam), copied(again), strict=True))


def test_tables_without_gradients_stay() -> None:
    parameters = tables()
    adam = RowAdam(parameters, splits={"sh": 3})
    set_gradients(parameters, 0)
    parameters["means"].grad = None
    before = parameters["means"].detach().clone()
    adam.step(RATES)
    assert torch.equal(parameters["means"].detach(), before)
    adam.zero_grad()
    assert all(table.grad is None for table in parameters.values())
