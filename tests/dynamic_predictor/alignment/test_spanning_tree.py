"""Spanning trees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from core.errors import UserError
from dynamic_predictor.alignment.spanning_tree import maximum_spanning_tree
from dynamic_predictor.pairs import pair_graph


@given(st.integers(2, 12), st.integers(0, 1000))
def test_it_is_the_heaviest_and_each_pair_touches_an_earlier_one(frames: int, seed: int) -> None:
    edges = pair_graph("complete", frames)
    scores = np.random.default_rng(seed).uniform(1, 9, len(edges))
    tree = maximum_spanning_tree(edges, scores.tolist(), frames)
    strongest = {}
    for (i, j), score in zip(edges, scores, strict=True):
        key = (min(i, j), max(i, j))
        strongest[key] = max(score, strongest.get(key, 0))
    rows, columns = np.array(list(strongest)).T
    negated = coo_array((-np.array(list(strongest.values())), (rows, columns)), shape=(frames, frames))
    assert sum(scores[row] for row in tree) == pytest.approx(-minimum_spanning_tree(negated).sum())
    assert tree[0] == int(scores.argmax())
    done = set(edges[tree[0]])
    for row in tree[1:]:
        assert len(done & set(edges[row])) == 1
        done |= set(edges[row])
    assert done == set(range(frames))


def test_one_frame_needs_no_tree() -> None:
    assert maximum_spanning_tree([(0, 0)], [1.0], 1) == []


@pytest.mark.parametrize("edges", [[(0, 1), (2, 3)], [], [(0, 0), (1, 1)]])
def test_frames_that_cannot_be_reached_are_named(edges: list[tuple[int, int]]) -> None:
    with pytest.raises(UserError, match="leaves out frames"):
        maximum_spanning_tree(edges, [1.0] * len(edges), 4)
