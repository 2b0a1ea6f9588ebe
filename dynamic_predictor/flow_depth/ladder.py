"""Flows over longer and longer gaps: each starts from two flows over half its gap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jaxtyping import Float, UInt8
from torch import Tensor

from dynamic_predictor.flow import Flow, sample

Frames = Sequence[UInt8[Tensor, "H W 3"]]


@dataclass(frozen=True)
class Neighbor:
    """Another frame and the flow there and back.

    Args:
        index: of the other frame.
        forward: to it, in pixels.
        backward: from it, in pixels.
    """

    index: int
    forward: Float[Tensor, "H W 2"]
    backward: Float[Tensor, "H W 2"]


def chain(first: Float[Tensor, "H W 2"], second: Float[Tensor, "H W 2"]) -> Float[Tensor, "H W 2"]:
    """The flow from A to C, given those from A to B and from B to C."""
    return first + sample(second, first)


def neighbors_of_frames(frames: Frames, rungs: int, flow: Flow) -> Iterator[tuple[int, list[Neighbor]]]:
    """For each frame in turn, the frames 1, 2, 4, ... before and after it with the flows between.

    Only the flows of a window of frames are held, so that memory does not grow with the clip.

    Args:
        frames: all of one size.
        rungs: how many gaps: the longest is 2^(rungs - 1).
        flow: from a source and a target frame, and a guess.

    Yields:
        A frame's index and its neighbours; two a rung, and fewer near the ends of the clip.
    """
    gaps = [2**rung for rung in range(rungs)]
    longest = gaps[-1] if gaps else 0
    flows: dict[tuple[int, int], Float[Tensor, "H W 2"]] = {}
    for arrived in range(len(frames) + longest):
        if arrived < len(frames):
            for gap in gaps:
                if arrived >= gap:
                    _add(flows, frames, flow, (arrived - gap, arrived))
        complete = arrived - longest
        if complete >= 0:
            others = [complete + step for gap in gaps for step in (-gap, gap)]
            yield (
                complete,
                [
                    Neighbor(other, flows[complete, other], flows[other, complete])
                    for other in others
                    if (complete, other) in flows
                ],
            )
            for pair in [pair for pair in flows if max(pair) <= complete]:
                del flows[pair]


def _add(
    flows: dict[tuple[int, int], Float[Tensor, "H W 2"]], frames: Frames, flow: Flow, pair: tuple[int, int]
) -> None:
    """Flows there and back between two frames, each begun with the chain over the frame midway."""
    first, last = pair
    middle = (first + last) // 2
    for source, target in (pair, pair[::-1]):
        through = (source, middle), (middle, target)
        guess = chain(flows[through[0]], flows[through[1]]) if last - first > 1 else None
        flows[source, target] = flow(frames[source], frames[target], guess)
