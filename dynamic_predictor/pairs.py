"""Which pairs of frames a network of image pairs is asked about.

A graph has a name such as `swinstride-5-noncyclic`: the kind, its window, and whether the last frames are
paired with the first. Offsets between the frames of a pair, for a window W:

    complete                 all
    swin-W                   1, 2, ..., W
    swinstride-W             1, 3, ..., 2W - 1
    swin2stride-W            1, 4, ..., 3W - 2
    swinskip_start-W         2, 3, ..., W + 1
    logwin-W                 1, 2, 4, ..., 2^(W-1)
    oneref-R                 frame R with every other
"""

import math
from collections.abc import Callable, Iterable

from core.errors import UserError

Edge = tuple[int, int]

_OFFSETS: dict[str, Callable[[int], Iterable[int]]] = {
    "swin": lambda window: range(1, window + 1),
    "swinstride": lambda window: range(1, 2 * window, 2),
    "swin2stride": lambda window: range(1, 3 * window - 1, 3),
    "swinskip_start": lambda window: range(2, window + 2),
    "logwin": lambda window: (2**power for power in range(window)),
}
_WINDOW = 3  # where a name does not say
_DEFAULT_WINDOW, _LONG_CLIP_WINDOW = 5, 4
_LONG_CLIP = 95  # frames


def pair_graph(
    name: str,
    count: int,
    *,
    symmetrize: bool = True,
    force_symmetrize: bool = False,
    prefilter: str | None = None,
    self_pairs: bool = False,
) -> list[Edge]:
    """Directed pairs (i, j) of frames, sorted; if symmetrized the second half is the first, reversed.

    Args:
        name: of the graph; a window that is left out is 3.
        count: number of frames. One frame has no pairs, two have one.
        symmetrize: append every pair reversed, save for `oneref` and for windows of 1 (`swin-1`) over more
            than two frames.
        force_symmetrize: append them for those too.
        prefilter: `seqK` keeps pairs at most K frames apart, `cycK` counts the way round the end as well.
        self_pairs: keep the pairs of a frame with itself that offsets divisible by `count` make in a cyclic
            graph, as the published systems do; they say nothing about motion.

    Raises:
        UserError: the name or the prefilter is not understood.

    Source: S. Wang et al., "DUSt3R", 2024 (complete, oneref, swin, logwin); J. Zhang et al., "MonST3R", 2024
    (strides).
    """
    kind, _, rest = name.partition("-")
    cyclic = not rest.endswith("noncyclic")
    number = _number(rest.removesuffix("noncyclic").rstrip("-"), name)
    if kind == "oneref":
        pairs = _one_reference(0 if number is None else number, count)
    elif kind == "complete":
        pairs = [(i, j) for i in range(count) for j in range(i)]
    elif kind in _OFFSETS:
        window = _WINDOW if number is None else number
        pairs = _windowed(_OFFSETS[kind](window), count, cyclic)
        pairs = [pair for pair in pairs if self_pairs or pair[0] != pair[1]]
    else:
        known = ", ".join(["complete", "oneref", *_OFFSETS])
        raise UserError(f"graph {name!r} of frame pairs is not known; the kinds are {known}")
    if prefilter is not None:
        pairs = _near(pairs, prefilter, count)
    one_way = kind == "oneref" or (kind == "swin" and number == 1)
    if symmetrize and (not one_way or count == 2 or force_symmetrize):
        pairs += [(j, i) for i, j in pairs]
    return pairs


def default_graph(count: int, *, legacy: bool = False) -> str:
    """The graph for a clip: offsets 1, 3, 5, 7, 9, without pairs around the end; one less for long clips.

    Args:
        count: number of frames.
        legacy: as DAS3R names it, which loses `-noncyclic` where the window must shrink, so that clips of up
            to nine frames are closed to a ring.
    """
    window = _LONG_CLIP_WINDOW if count > _LONG_CLIP else _DEFAULT_WINDOW
    largest = max(1, math.ceil((count - 1) / 2))
    suffix = "" if legacy and window > largest else "-noncyclic"
    return f"swinstride-{min(window, largest)}{suffix}"


def clip_pairs(name: str | None, count: int) -> list[Edge]:
    """The directed pairs of frames that a network is asked about; a lone frame is paired with itself.

    Args:
        name: of the graph, or None for the default.
        count: number of frames, at least one.

    Raises:
        UserError: the name is not understood, or the graph leaves frames without a path to the others.
    """
    if count == 1:
        return [(0, 0)]
    edges = pair_graph(default_graph(count) if name is None else name, count)
    reached, waiting = {0}, [0]
    neighbors: dict[int, list[int]] = {frame: [] for frame in range(count)}
    for i, j in edges:
        neighbors[i].append(j)
        neighbors[j].append(i)
    while waiting:
        new = set(neighbors[waiting.pop()]) - reached
        reached |= new
        waiting += new
    if len(reached) < count:
        raise UserError(
            f"--scene-graph-type {name} does not connect frame {min(set(range(count)) - reached)} of {count} "
            "with the first; choose another graph or a larger window"
        )
    return edges


def undirected(edges: Iterable[Edge]) -> list[Edge]:
    """Each pair of different frames once, the smaller index first, sorted."""
    return sorted({(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]})


def _number(text: str, name: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise UserError(f"graph {name!r}: a whole number was expected where it says {text!r}")
    return int(text)


def _one_reference(reference: int, count: int) -> list[Edge]:
    if reference >= count:
        raise UserError(f"graph oneref-{reference}: there are only {count} frames, counted from 0")
    return [(reference, j) for j in range(count) if j != reference]


def _windowed(offsets: Iterable[int], count: int, cyclic: bool) -> list[Edge]:
    pairs: set[Edge] = set()
    for offset in offsets:
        for i in range(count):
            j = (i + offset) % count if cyclic else i + offset
            if j < count:
                pairs.add((min(i, j), max(i, j)))
    return sorted(pairs)


def _near(pairs: list[Edge], prefilter: str, count: int) -> list[Edge]:
    kind, reach = prefilter[:3], prefilter[3:]
    if kind not in {"seq", "cyc"} or not reach.isdecimal():
        raise UserError(f"prefilter of pairs: seqK or cycK was expected, got {prefilter!r}")

    def distance(i: int, j: int) -> int:
        apart = abs(i - j)
        return min(apart, count - apart) if kind == "cyc" else apart

    return [(i, j) for i, j in pairs if distance(i, j) <= int(reach)]
