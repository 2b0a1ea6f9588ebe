"""The hash grid's kernels are its reference at every instruction level; sums do not depend on threads."""

from collections.abc import Callable
from typing import Any

import pytest
import splat_kernels
import torch
from torch import Tensor

from scene.fields import hash_grid_reference as reference
from tests.splat_kernels.agreement import relative_error

# A level that is numbered, one whose cells differ along the axes, and two that are hashed.
RESOLUTIONS = [[2, 2, 2, 2], [5, 3, 2, 1], [9, 8, 7, 6], [200, 170, 60, 11]]
LOG2_ROWS = 8
AXES_FEATURES = [(4, 2), (3, 2), (4, 1), (3, 4), (4, 4)]


def grid(axes: int = 4, features: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Tables, resolutions and offsets."""
    cells = [row[:axes] for row in RESOLUTIONS]
    offsets = reference.level_offsets(cells, LOG2_ROWS)
    return torch.randn(offsets[-1], features), torch.tensor(cells, dtype=torch.int32), torch.tensor(offsets)


def around_the_box(count: int, axes: int = 4) -> Tensor:
    """Points in the box and a little beyond."""
    return 1.4 * torch.rand(count, axes) - 0.2


def gradients(x: Tensor, tables: Tensor, resolutions: Tensor, offsets: Tensor, upstream: Tensor, *,
              exact: bool = False, sparse: bool = False) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Features, and gradients of points and tables."""
    dtype = torch.float64 if exact else torch.float32
    x, tables = x.to(dtype).requires_grad_(), tables.to(dtype).requires_grad_()
    interpolate = reference.hash_grid if exact else splat_kernels.hash_grid
    features = interpolate(x, tables, resolutions, offsets, sparse=sparse)
    return features.detach(), *torch.autograd.grad(features, [x, tables], upstream.to(dtype))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(("axes", "features"), AXES_FEATURES)
@pytest.mark.parametrize("count", [1, 16, 300])
def test_features_and_gradients_are_the_references(axes: int, features: int, count: int) -> None:
    tables, resolutions, offsets = grid(axes, features)
    x, upstream = around_the_box(count, axes), torch.randn(count, len(RESOLUTIONS) * features)
    found = gradients(x, tables, resolutions, offsets, upstream)
    expected = gradients(x, tables, resolutions, offsets, upstream, exact=True)
    for ours, exact in zip(found, expected, strict=True):
        # Measured: 1.5e-7, at the scalar level, which rounds a position before its cell is taken off, 5e-6.
        assert relative_error(ours, exact) < 2e-5


@pytest.mark.usefixtures("level")
def test_a_step_along_an_axis_changes_features_by_its_gradient() -> None:
    tables, resolutions, offsets = grid()
    # Inside of every level's cell: there features are linear along each axis, whatever the step.
    cells = torch.tensor([[200, 170, 60, 11]])
    x = (torch.randint(0, 10**6, (50, 4)) % cells + 0.5) / cells
    one_level = (tables[offsets[3] :].contiguous(), resolutions[3:].contiguous(), torch.tensor([0, 256]))
    for axis in range(4):
        step = torch.zeros(4)
        step[axis] = 0.25 / cells[0, axis]
        upper, lower = (splat_kernels.hash_grid(x + sign * step, *one_level) for sign in (1, -1))
        slope = (upper - lower).sum(dim=1) / (2 * step[axis])
        _, gradient, _ = gradients(x, *one_level, torch.ones(50, 2))
        torch.testing.assert_close(gradient[:, axis], slope, rtol=1e-3, atol=1e-3 * float(cells[0, axis]))


@pytest.mark.usefixtures("level")
def test_a_hashed_level_is_the_numbered_one_with_its_rows_looked_up() -> None:
    cells = [7, 5, 4, 3]
    vertices = torch.cartesian_prod(*(torch.arange(count + 1) for count in cells))
    primes = (1, 2654435761, 805459861, 3674653429)
    hashed = torch.zeros(len(vertices), dtype=torch.int64)
    number, stride = torch.zeros_like(hashed), 1
    for axis in range(4):
        hashed ^= vertices[:, axis] * primes[axis]
        number += vertices[:, axis] * stride
        stride *= cells[axis] + 1
    small, large, x = torch.randn(64, 2), torch.zeros(stride, 2), around_the_box(200)
    large[number] = small[hashed % 64]
    resolutions = torch.tensor([cells], dtype=torch.int32)
    by_hash = splat_kernels.hash_grid(x, small, resolutions, torch.tensor([0, 64]))
    by_number = splat_kernels.hash_grid(x, large, resolutions, torch.tensor([0, stride]))
    assert torch.equal(by_hash, by_number)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("row", range(len(RESOLUTIONS)))
def test_features_are_continuous_across_the_borders_of_cells(row: int) -> None:
    tables, resolutions, offsets = grid()
    border = torch.randint(1, 10**6, (64, 4)) % resolutions[row] / resolutions[row]
    near = [
        splat_kernels.hash_grid(border + sign * 1e-6, tables, resolutions, offsets) for sign in (-1, 0, 1)
    ]
    # 1e-6 of the box is 2e-4 of the finest cell, and features differ by a few units from vertex to vertex.
    torch.testing.assert_close(near[0], near[1], rtol=0, atol=5e-3)
    torch.testing.assert_close(near[2], near[1], rtol=0, atol=5e-3)


@pytest.mark.usefixtures("level")
def test_equal_rows_give_equal_features_everywhere() -> None:
    tables, resolutions, offsets = grid()
    tables = torch.tensor([2.0, -3.0]).expand_as(tables).contiguous()
    found = gradients(around_the_box(100), tables, resolutions, offsets, torch.randn(100, 8))
    torch.testing.assert_close(found[0], torch.tensor([2.0, -3.0] * 4).expand(100, 8), rtol=1e-6, atol=1e-6)
    # Differences of rounding, times the 200 cells of an axis.
    assert found[1].abs().max() < 1e-2


@pytest.mark.usefixtures("level")
def test_outside_of_the_box_features_stay_what_they_are_at_its_surface() -> None:
    tables, resolutions, offsets = grid()
    x = 4 * torch.rand(200, 4) - 1.5
    features, gradient, _ = gradients(x, tables, resolutions, offsets, torch.randn(200, 8))
    assert torch.equal(features, splat_kernels.hash_grid(x.clamp(0, 1), tables, resolutions, offsets))
    outside = (x < 0) | (x > 1)
    assert torch.equal(gradient == 0, outside)


@pytest.mark.usefixtures("level")
def test_a_place_that_is_no_number_has_no_features_and_harms_no_other() -> None:
    tables, resolutions, offsets = grid()
    x = torch.rand(40, 4)
    expected = splat_kernels.hash_grid(x, tables, resolutions, offsets)
    x[7, 2] = torch.nan
    features, gradient, _ = gradients(x, tables, resolutions, offsets, torch.ones(40, 8))
    others = torch.arange(40) != 7
    assert torch.equal(features[others], expected[others])
    assert features[7].isnan().all()
    assert gradient[7].isnan().any()
    assert gradient[others].isfinite().all()


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("count", [0, 5, 700])
def test_a_sparse_gradient_has_the_rows_that_were_read(count: int) -> None:
    tables, resolutions, offsets = grid()
    x, upstream = around_the_box(count), torch.rand(count, 8) + 0.1
    dense = gradients(x, tables, resolutions, offsets, upstream)
    sparse = gradients(x, tables, resolutions, offsets, upstream, sparse=True)
    assert torch.equal(sparse[1], dense[1])
    assert torch.equal(sparse[2].to_dense(), dense[2])
    rows = sparse[2].indices()[0]
    assert (rows.diff() > 0).all()
    assert torch.isin(dense[2].any(dim=1).nonzero()[:, 0], rows).all()
    assert len(rows) <= 16 * count * len(RESOLUTIONS)


@pytest.mark.parametrize("options", [{"visible": torch.ones(9, dtype=torch.bool)}, {"lrs": [(1e-2, 1e-3)]}])
def test_adam_of_a_sparse_gradient_takes_no_other_choice_of_rows(options: dict[str, Any]) -> None:
    rows = torch.zeros(1, 1, dtype=torch.int64)
    grad = torch.sparse_coo_tensor(rows, torch.ones(1, 2), (9, 2), check_invariants=True)
    arguments = {"lrs": [1e-2], "step": 1, "splits": [1], **options}
    with pytest.raises(ValueError, match="a sparse gradient says itself which rows"):
        splat_kernels.adam_step(
            [torch.ones(9, 2)], [grad], [torch.ones(9, 2)], [torch.ones(9, 2)], **arguments
        )


@pytest.mark.usefixtures("level")
def test_adam_of_a_sparse_gradient_is_torchs() -> None:
    tables = torch.randn(300, 2)
    exact = tables.double().requires_grad_()
    optimizer = torch.optim.SparseAdam([exact], lr=1e-2, eps=1e-8)
    first, second = torch.zeros_like(tables), torch.zeros_like(tables)
    for step in range(1, 6):
        rows = torch.randperm(300)[: 40 * step]
        values = torch.randn(len(rows), 2)
        grad = torch.sparse_coo_tensor(rows[None], values, (300, 2), check_invariants=True)
        splat_kernels.adam_step([tables], [grad], [first], [second], [1e-2], step=step, eps=1e-8)
        exact.grad = grad.double()
        optimizer.step()
    torch.testing.assert_close(tables.double(), exact.detach(), rtol=1e-5, atol=1e-6)


def test_same_bits_on_any_number_of_threads(level: str, set_threads: Callable[[int], None]) -> None:
    tables, resolutions, offsets = grid()
    x, upstream = around_the_box(3000), torch.randn(3000, 8)
    results = []
    for threads in (1, 1, 2, 3, 7):
        set_threads(threads)
        results.append(gradients(x, tables, resolutions, offsets, upstream))
    for result in results:
        assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True)), level


def test_only_what_is_asked_for_has_a_gradient() -> None:
    tables, resolutions, offsets = grid()
    x = torch.rand(20, 4)
    for first, second in ((x.clone().requires_grad_(), tables), (x, tables.clone().requires_grad_())):
        splat_kernels.hash_grid(first, second, resolutions, offsets).sum().backward()
        assert (first.grad is None) != (second.grad is None)


def test_the_operator_is_one_that_torch_can_trace() -> None:
    tables, resolutions, offsets = grid()
    inputs = (torch.rand(9, 4).requires_grad_(), tables.requires_grad_(), resolutions, offsets, False)
    torch.library.opcheck(
        torch.ops.splat_kernels.hash_grid.default, inputs, test_utils=("test_schema", "test_faketensor")
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"x": torch.rand(5, 2)}, r"x: shape \[N, 3\] or \[N, 4\] was expected, got \[5, 2\]"),
        ({"x": torch.rand(5, 4, dtype=torch.float64)}, "x: a torch.float32 CPU tensor"),
        ({"tables": torch.rand(340, 3)}, "tables: shape"),
        ({"resolutions": torch.tensor([[2, 2, 2]], dtype=torch.int32)}, "resolutions: "),
        ({"resolutions": torch.tensor([[2, 2, 2, 0], [9, 9, 9, 9]], dtype=torch.int32)}, "level 0 has"),
        ({"offsets": torch.tensor([0, 84, 341])}, "the tables' rows"),
        ({"offsets": torch.tensor([0, 80, 340])}, "level 0 has 80 rows; a row for each of its 81 vertices"),
        ({"offsets": torch.tensor([0, 90, 340])}, "level 1 has 250 rows"),
    ],
)
def test_wrong_arguments_are_named(broken: dict[str, Tensor], words: str) -> None:
    arguments = {
        "x": torch.rand(5, 4), "tables": torch.rand(340, 2), "offsets": torch.tensor([0, 84, 340]),
        "resolutions": torch.tensor([[2, 2, 2, 2], [9, 9, 9, 9]], dtype=torch.int32),
    }  # fmt: skip
    splat_kernels.hash_grid(**arguments)
    with pytest.raises(ValueError, match=words):
        splat_kernels.hash_grid(**(arguments | broken))
