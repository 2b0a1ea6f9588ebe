"""Graphs of frame pairs: their laws, and lists of the published systems."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from dynamic_predictor.pairs import clip_pairs, default_graph, pair_graph, undirected

WINDOWED = ["swin", "swinstride", "swin2stride", "swinskip_start", "logwin"]
# Directed pairs of DAS3R's default graph.
COUNTS = {
    3: 6, 4: 8, 5: 20, 6: 18, 8: 32, 9: 72, 10: 50, 11: 60, 12: 70, 20: 150, 33: 280, 40: 350, 50: 450,
    60: 550, 65: 600, 90: 850, 95: 900, 96: 736, 100: 768, 110: 848, 200: 1568,
}  # fmt: skip

kinds = st.sampled_from(WINDOWED)
counts = st.integers(1, 25)
windows = st.integers(1, 7)


@given(kinds, counts, windows, st.booleans())
def test_pairs_are_distinct_in_range_and_both_ways(kind: str, count: int, window: int, cyclic: bool) -> None:
    edges = pair_graph(f"{kind}-{window}{'' if cyclic else '-noncyclic'}", count, force_symmetrize=True)
    half = len(edges) // 2
    assert len(set(edges)) == len(edges)
    assert all(0 <= i < count and 0 <= j < count and i != j for i, j in edges)
    assert edges[half:] == [(j, i) for i, j in edges[:half]]


@given(kinds, counts, windows)
def test_a_ring_has_the_pairs_of_the_line_and_more(kind: str, count: int, window: int) -> None:
    line = set(undirected(pair_graph(f"{kind}-{window}-noncyclic", count)))
    ring = set(undirected(pair_graph(f"{kind}-{window}", count)))
    assert line <= ring


@given(counts, windows)
def test_a_ring_looks_the_same_from_every_frame(count: int, window: int) -> None:
    ring = set(undirected(pair_graph(f"swinstride-{window}", count)))
    turned = set(undirected(((i + 1) % count, (j + 1) % count) for i, j in ring))
    assert turned == ring


@given(counts)
def test_default_graphs_connect_all_frames(count: int) -> None:
    reached = {0}
    edges = pair_graph(default_graph(count), count)
    for _ in range(count):
        reached |= {j for i, j in edges if i in reached}
    assert reached == set(range(count))


@pytest.mark.parametrize(
    ("name", "offsets"),
    [
        ("swin-3-noncyclic", {1, 2, 3}),
        ("swin-noncyclic", {1, 2, 3}),
        ("swinstride-5-noncyclic", {1, 3, 5, 7, 9}),
        ("swin2stride-3-noncyclic", {1, 4, 7}),
        ("swinskip_start-2-noncyclic", {2, 3}),
        ("logwin-4-noncyclic", {1, 2, 4, 8}),
        ("complete", set(range(1, 30))),
    ],
)
def test_offsets(name: str, offsets: set[int]) -> None:
    assert {j - i for i, j in undirected(pair_graph(name, 30))} == offsets


@pytest.mark.parametrize("count", COUNTS)
def test_number_of_pairs_of_the_published_default(count: int) -> None:
    assert len(pair_graph(default_graph(count, legacy=True), count)) == COUNTS[count]


def test_the_default_is_no_ring_for_short_clips() -> None:
    assert default_graph(5) == "swinstride-2-noncyclic"
    assert default_graph(5, legacy=True) == "swinstride-2"
    assert (0, 4) not in pair_graph(default_graph(5), 5)


def test_one_reference_is_one_way() -> None:
    assert pair_graph("oneref-1", 4) == [(1, 0), (1, 2), (1, 3)]
    assert len(pair_graph("oneref-1", 4, force_symmetrize=True)) == 6
    assert len(pair_graph("swin-1", 5)) == 5
    assert len(pair_graph("swin-1", 2)) == 2
    assert len(pair_graph("swin-10-noncyclic", 12)) == 2 * 65


def test_one_frame_has_no_pairs_and_two_have_one() -> None:
    assert pair_graph(default_graph(1), 1) == []
    assert pair_graph(default_graph(2), 2) == [(0, 1), (1, 0)]


def test_prefilters() -> None:
    assert undirected(pair_graph("complete", 6, prefilter="seq1")) == [(i, i + 1) for i in range(5)]
    assert (0, 5) in undirected(pair_graph("complete", 6, prefilter="cyc1"))


@pytest.mark.parametrize(
    ("name", "prefilter", "said"),
    [
        ("ring-3", None, "not known"),
        ("swin-x", None, "whole number"),
        ("oneref-9", None, "only 4 frames"),
        ("complete", "seqx", "seqK or cycK"),
    ],
)
def test_names_that_mean_nothing_are_refused(name: str, prefilter: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        pair_graph(name, 4, prefilter=prefilter)


def test_published_lists(golden: Path) -> None:
    lists = np.load(golden / "das3r" / "pairs.npz")
    seen = 0
    for key in lists.files:
        match = re.fullmatch(r"(raw_|das3r_default_)?(.*?)_?N(\d+)(_nosym|_seq2|_cyc1)?", key)
        if match is None or key.startswith("counts"):
            continue
        start, name, count, option = match[1], match[2], int(match[3]), match[4]
        graph = default_graph(count, legacy=True) if start == "das3r_default_" else name
        prefilter = option[1:] if option in {"_seq2", "_cyc1"} else None
        edges = pair_graph(graph, count, symmetrize=option != "_nosym", prefilter=prefilter, self_pairs=True)
        expected = [tuple(row) for row in lists[key].tolist()]
        assert sorted(edges) == sorted(expected), key
        seen += 1
    assert seen == 30
    expected_counts = dict(
        zip(lists["counts_N"].tolist(), lists["counts_das3r_default"].tolist(), strict=True)
    )
    assert expected_counts == COUNTS


def test_pairs_of_a_clip_connect_all_its_frames() -> None:
    assert clip_pairs(None, 1) == [(0, 0)]
    assert clip_pairs(None, 6) == pair_graph(default_graph(6), 6)
    assert clip_pairs("oneref-2", 4) == [(2, 0), (2, 1), (2, 3)]
    with pytest.raises(UserError, match="swinskip_start-1-noncyclic does not connect frame 1 of 4"):
        clip_pairs("swinskip_start-1-noncyclic", 4)
    with pytest.raises(UserError, match="no graph"):
        clip_pairs("no graph", 4)
