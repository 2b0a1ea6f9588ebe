"""The strongest pairs that connect all frames, in the order in which they join them."""

import heapq
from collections.abc import Sequence

from core.errors import UserError


def maximum_spanning_tree(
    edges: Sequence[tuple[int, int]], scores: Sequence[float], frames: int
) -> list[int]:
    """Rows of the pairs of a maximum spanning tree, the strongest pair first, each next to an earlier one.

    Where both directions of a pair are there, the stronger stands for it.

    Args:
        edges: directed pairs of frames.
        scores: of the pairs; more is better.
        frames: how many frames there are.

    Raises:
        UserError: the pairs do not connect all frames.

    Source: R. C. Prim, "Shortest Connection Networks and Some Generalizations", 1957.
    """
    if frames <= 1:
        return []
    touching: list[list[int]] = [[] for _ in range(frames)]
    for row, (i, j) in enumerate(edges):
        if i != j:
            touching[i].append(row)
            touching[j].append(row)
    first = max(range(len(edges)), key=lambda row: scores[row], default=0)
    done: set[int] = set()
    frontier: list[tuple[float, int]] = []

    def join(frame: int) -> None:
        done.add(frame)
        for row in touching[frame]:
            heapq.heappush(frontier, (-scores[row], row))

    join(edges[first][0] if edges else 0)
    tree: list[int] = []
    while frontier:
        row = heapq.heappop(frontier)[1]
        i, j = edges[row]
        if i not in done or j not in done:
            tree.append(row)
            join(j if i in done else i)
    if len(done) < frames:
        missing = sorted(set(range(frames)) - done)
        raise UserError(
            f"the graph of frame pairs leaves out frames {missing[:10]} (counted from 0): every frame must "
            "be reachable; choose a graph with more pairs"
        )
    return tree
