"""Optical flow between two frames: DIS, which needs no weights, and the networks RAFT and SEA-RAFT."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor

from dynamic_predictor.config import FlowName
from dynamic_predictor.flow.consistency import consistent, inside, sample
from dynamic_predictor.flow.dis import DisFlow
from dynamic_predictor.flow.network_flow import load_flow

__all__ = ["Flow", "consistent", "inside", "make_flow", "sample"]


@runtime_checkable
class Flow(Protocol):
    """A method of optical flow."""

    def __call__(
        self,
        source: UInt8[Tensor, "H W 3"],
        target: UInt8[Tensor, "H W 3"],
        initial: Float[Tensor, "H W 2"] | None = None,
    ) -> Float[Tensor, "H W 2"]:
        """Displacements (x, y) in pixels: what is at pixel p of the source is at p + flow(p) in the target.

        Args:
            source: sRGB, 8 bit.
            target: of the same size.
            initial: a guess to start from, which helps where the motion is large.
        """
        ...


def make_flow(name: FlowName, refinements: int | None = None) -> Flow:
    """A method of optical flow, ready to be called. A network computes on the GPU where there is one.

    Args:
        name: which method.
        refinements: how many steps a network takes; by default as many as its authors' tools take.

    Raises:
        UserError: the network's weight file is not there, or is not what it should be.
    """
    return DisFlow() if name == "dis" else load_flow(name, refinements)
