"""The fused Adam is torch's Adam, on the rows that are visible."""

from collections.abc import Callable

import pytest
import splat_kernels
import torch
from torch import Tensor

SHAPES = [(501, 3), (501, 4), (501,), (501, 16, 3)]
LRS = [1e-2, 3e-3, 5e-2, 2e-3]


def copies(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.clone() for tensor in tensors]


def zeros(tensors: list[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(tensor) for tensor in tensors]


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(("betas", "eps"), [((0.9, 0.999), 1e-15), ((0.5, 0.9), 1e-3)])
def test_five_steps_are_torchs(betas: tuple[float, float], eps: float) -> None:
    params = [torch.randn(shape) for shape in SHAPES]
    exact = [param.double().requires_grad_() for param in copies(params)]
    optimizer = torch.optim.Adam(
        [{"params": [param], "lr": lr} for param, lr in zip(exact, LRS, strict=True)], betas=betas, eps=eps
    )
    first, second = zeros(params), zeros(params)
    for step in range(1, 6):
        grads = [torch.randn_like(param) * 10 ** torch.randn(1) for param in params]
        splat_kernels.adam_step(params, grads, first, second, LRS, step=step, betas=betas, eps=eps)
        for param, grad in zip(exact, grads, strict=True):
            param.grad = grad.double()
        optimizer.step()
    for found, expected in zip(params, exact, strict=True):
        torch.testing.assert_close(found.double(), expected.detach(), rtol=1e-5, atol=5e-6)


@pytest.mark.usefixtures("level")
def test_rows_that_are_not_visible_keep_everything() -> None:
    params, visible = [torch.randn(shape) for shape in SHAPES], torch.rand(501) > 0.6
    grads = [torch.randn_like(param) for param in params]
    first, second = [torch.randn_like(p) for p in params], [torch.rand_like(p) for p in params]
    before = [copies(tensors) for tensors in (params, first, second)]
    dense = [copies(tensors) for tensors in (params, first, second)]
    splat_kernels.adam_step(params, grads, first, second, LRS, step=7, visible=visible)
    splat_kernels.adam_step(dense[0], grads, dense[1], dense[2], LRS, step=7)
    for found, kept, updated in zip((params, first, second), before, dense, strict=True):
        for now, old, new in zip(found, kept, updated, strict=True):
            assert torch.equal(now[~visible], old[~visible])
            assert torch.equal(now[visible], new[visible])
            assert not torch.equal(now[visible], old[visible])


@pytest.mark.usefixtures("level")
def test_without_bias_correction_it_is_the_formula() -> None:
    param, grad, first, second = torch.randn(4, 40, 5)
    expected_first, expected_second = 0.9 * first + 0.1 * grad, 0.999 * second.abs() + 0.001 * grad**2
    expected = param - 0.01 * expected_first / (expected_second.sqrt() + 1e-8)
    second = second.abs()
    splat_kernels.adam_step(
        [param], [grad], [first], [second], [0.01], step=3, eps=1e-8, bias_correction=False
    )
    torch.testing.assert_close(first, expected_first)
    torch.testing.assert_close(second, expected_second)
    torch.testing.assert_close(param, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("split", [0, 3, 12])
def test_a_row_may_have_two_rates(split: int) -> None:
    param = torch.randn(33, 16, 3)
    grad, first, second = torch.randn_like(param), torch.zeros_like(param), torch.zeros_like(param)
    parts = [part.flatten(1)[:, columns].contiguous() for columns in (slice(split), slice(split, None))
             for part in (param, grad, first, second)]  # fmt: skip
    splat_kernels.adam_step([param], [grad], [first], [second], [(1e-2, 5e-4)], step=1, splits=[split])
    for (values, gradient, m, v), lr in ((parts[:4], 1e-2), (parts[4:], 5e-4)):
        if values.numel():
            splat_kernels.adam_step([values], [gradient], [m], [v], [lr], step=1)
    torch.testing.assert_close(param.flatten(1), torch.cat([parts[0], parts[4]], dim=1))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("active", [3, 12, 27, 48])
def test_columns_that_are_not_active_are_left_alone(active: int) -> None:
    param = torch.randn(33, 16, 3)
    grad = torch.randn_like(param)
    grad.flatten(1)[:, active:] = 0
    found, whole = param.clone(), param.clone()
    states = [torch.zeros_like(param) for _ in range(4)]
    splat_kernels.adam_step(
        [found], [grad], *([s] for s in states[:2]), [1e-2], step=1, active_columns=[active]
    )
    splat_kernels.adam_step([whole], [grad], *([s] for s in states[2:]), [1e-2], step=1)
    assert torch.equal(found, whole)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("count", [0, 1, 15, 17])
def test_any_number_of_rows(count: int) -> None:
    params = [torch.ones(count, 3)]
    splat_kernels.adam_step(params, [torch.ones(count, 3)], zeros(params), zeros(params), [0.5], step=1)
    torch.testing.assert_close(params[0], torch.full((count, 3), 0.5))


def test_same_bits_on_any_number_of_threads(level: str, set_threads: Callable[[int], None]) -> None:
    params, grads = [torch.randn(5000, 16, 3)], [torch.randn(5000, 16, 3)]
    results = []
    for threads in (1, 2, 7):
        set_threads(threads)
        fresh = copies(params)
        splat_kernels.adam_step(fresh, grads, zeros(params), zeros(params), [1e-2], step=1)
        results.append(fresh[0])
    assert all(torch.equal(result, results[0]) for result in results), level


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"step": 0}, "step counts from 1, got 0"),
        ({"grads": [torch.zeros(5, 4)]}, r"grads: .* \[5, 3\] was expected, got .* \[5, 4\]"),
        ({"exp_avg": [torch.zeros(4, 3)]}, "exp_avg: "),
        ({"params": [torch.zeros(3, 5).T]}, "params: a contiguous tensor was expected"),
        ({"exp_avg_sq": [torch.zeros(3, 5).T]}, "contiguous"),
        ({"visible": torch.ones(4, dtype=torch.bool)}, r"visible: .* \[5\] was expected, got .* \[4\]"),
        ({"visible": torch.ones(5)}, "visible: a torch.bool CPU tensor"),
        ({"lrs": [(1e-2, 1e-3)], "splits": [17]}, "a split between 0 and 16"),
        ({"lrs": []}, "lrs"),
    ],
)
def test_wrong_arguments_are_named(broken: dict[str, object], words: str) -> None:
    arguments = {
        "params": [torch.zeros(5, 3)], "grads": [torch.zeros(5, 3)], "exp_avg": [torch.zeros(5, 3)],
        "exp_avg_sq": [torch.zeros(5, 3)], "lrs": [1e-2], "step": 1,
    } | broken  # fmt: skip
    with pytest.raises(ValueError, match=words):
        splat_kernels.adam_step(**arguments)
