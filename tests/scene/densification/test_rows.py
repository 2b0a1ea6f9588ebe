"""Rows of parameters and moments move together."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.densification.rows import finite_rows, keep_rows, move_rows
from tests.scene.densification.tables import make_optimizer, tagged

sources = st.lists(st.integers(0, 9), max_size=30)


@given(sources, st.data())
def test_every_table_and_moment_follows(source: list[int], data: st.DataObject) -> None:
    fresh = data.draw(st.lists(st.booleans(), min_size=len(source), max_size=len(source)))
    optimizer = make_optimizer(10)
    tagged(optimizer)
    rows, are_fresh = torch.tensor(source, dtype=torch.long), torch.tensor(fresh, dtype=torch.bool)
    move_rows(optimizer, rows, are_fresh)
    for name, table in optimizer.parameters.items():
        assert table.requires_grad
        assert table.is_leaf
        assert table.grad is None
        expected = rows.float().view(-1, *[1] * (table.dim() - 1)).expand(table.shape)
        assert torch.equal(table.detach(), expected)
        cleared = torch.where(are_fresh.view(-1, *[1] * (table.dim() - 1)), 0, expected)
        assert torch.equal(optimizer.exp_avg[name], 100 * cleared)
        assert torch.equal(optimizer.exp_avg_sq[name], 10_000 * cleared)


@given(st.lists(st.booleans(), min_size=10, max_size=10))
def test_keeping_rows_tells_which(keep: list[bool]) -> None:
    optimizer = make_optimizer(10)
    tagged(optimizer)
    rows = keep_rows(optimizer, torch.tensor(keep))
    assert rows.tolist() == [row for row, kept in enumerate(keep) if kept]
    assert torch.equal(optimizer.parameters["logit_opacities"].detach(), rows.float())


def test_one_bad_number_makes_a_row_bad() -> None:
    optimizer = make_optimizer(10)
    tagged(optimizer)
    bad = [float("nan"), float("inf"), -float("inf")]
    with torch.no_grad():
        for row, (name, value) in enumerate(zip(("means", "sh", "logit_opacities"), bad, strict=True)):
            optimizer.parameters[name][row].view(-1)[-1] = value
    assert finite_rows(optimizer.parameters).tolist() == [False] * 3 + [True] * 7
