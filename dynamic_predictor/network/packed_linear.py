"""Linear layers whose weights lie in the order in which the processor's matrix product reads them.

`torch.nn.functional.linear` brings a weight of bfloat16 into that order at every call, which takes 5 to 15 %
of its time. torch has the two steps as operators, for its compiler.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """As `Linear`, for inference on a CPU in bfloat16.

    Args:
        linear: what it replaces; its weight is copied.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.bias: Tensor | None = linear.bias

    def forward(self, input: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch D"]:
        """The product, plus the bias."""
        rounded = input.to(torch.bfloat16)
        return torch.ops.mkldnn._linear_pointwise(rounded, self.weight, self.bias, "none", [], "")


def can_pack() -> bool:
    """Whether this build of torch has the operators."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
