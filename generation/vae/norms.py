"""Instance normalisation whose gradients are right on a processor.

PyTorch (as of 2.13) sees the batch as channels of one sample, and where a gradient's strides then look
like channels last, it reads the normalised values in that order too, although they lie otherwise: the
gradients are wrong without a word. A batch of one sequence, whose time and channels are neighbours in memory,
is such a case.
"""

from jaxtyping import Float
from torch import Tensor, nn


class InstanceNorm2d(nn.InstanceNorm2d):
    """`torch.nn.InstanceNorm2d`, given gradients in the order of its values."""

    def forward(self, input: Float[Tensor, "N C X Y"]) -> Float[Tensor, "N C X Y"]:
        """The normalised features."""
        return with_contiguous_gradient(super().forward(input))


class InstanceNorm3d(nn.InstanceNorm3d):
    """`torch.nn.InstanceNorm3d`, given gradients in the order of its values."""

    def forward(self, input: Float[Tensor, "N C X Y Z"]) -> Float[Tensor, "N C X Y Z"]:
        """The normalised features."""
        return with_contiguous_gradient(super().forward(input))


def with_contiguous_gradient(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The same values, whose gradient is copied where it does not lie in memory as they do."""
    if values.requires_grad:
        values.register_hook(lambda gradient: gradient.contiguous())
    return values
