"""A 3 x 3 convolution of a map that was enlarged, computed on the map as it was.

Enlarging is linear, so a tap of the convolution may come before it: nine 1 x 1 convolutions of the small map
take a quarter of the products, and what is left is a weighted sum of 36 rows for each pixel, nine taps times
four corners. torch has that sum as the lookup of embeddings, in bfloat16 too.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

_BAND = 24  # rows of the small map at a time: the products of all would be 85 MB
_TAPS = 3


class EnlargedConv(nn.Module):
    """As `Double` and then a 3 x 3 convolution, for inference on a CPU in bfloat16.

    Args:
        conv: what it replaces, of stride 1 and padded by a pixel of zeros; its weight is copied.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.channels = conv.out_channels
        weight = conv.weight.detach().permute(2, 3, 0, 1).reshape(-1, conv.in_channels)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.to(torch.bfloat16).contiguous())
        bias = weight.new_zeros(_TAPS, _TAPS, conv.out_channels)
        if conv.bias is not None:
            bias[1, 1] = conv.bias.detach()  # the middle tap is the one that no edge cuts off
        self.bias = bias.flatten().to(torch.bfloat16)

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """The convolution of the enlarged maps, plus the bias."""
        batch, _, rows, columns = maps.shape
        lines = maps.permute(0, 2, 3, 1).to(torch.bfloat16)
        result = lines.new_empty(batch, 2 * rows, 2 * columns, self.channels)
        for image in range(batch):
            for start in range(0, rows, _BAND):
                stop = min(rows, start + _BAND)
                band = result[image, 2 * start : 2 * stop]
                band.copy_(self._band(lines[image], start, stop).view_as(band))
        return result.permute(0, 3, 1, 2)

    def _band(self, lines: Float[Tensor, "H W C"], start: int, stop: int) -> Float[Tensor, "pixels D"]:
        """The pixels that rows `start` to `stop` become."""
        rows, columns, width = lines.shape
        # A row beyond the band on each side: the outer taps look there.
        first, last = max(start - 1, 0), min(stop + 1, rows)
        needed = lines[first:last].reshape(-1, width)
        taps = torch.ops.mkldnn._linear_pointwise(needed, self.weight, self.bias, "none", [], "")
        places, weights = _lookup(rows, columns, start, stop)
        return F.embedding_bag(places, taps.view(-1, self.channels), per_sample_weights=weights, mode="sum")


@lru_cache(maxsize=64)
def _lookup(
    rows: int, columns: int, start: int, stop: int
) -> tuple[Int[Tensor, "pixels 36"], Float[Tensor, "pixels 36"]]:
    """Which taps' products are summed for the pixels of a band, and with which weights."""
    place_y, weight_y = _axis(rows)
    place_x, weight_x = _axis(columns)
    first, last = max(start - 1, 0), min(stop + 1, rows)
    band = slice(2 * start, 2 * stop)
    # Corners outside of the band's rows have no weight.
    place_y = (place_y[band] - first).clamp(0, last - first - 1)[:, None, :, :, None, None]
    place_x = place_x[:, None, None]
    tap = torch.arange(_TAPS)
    tap_y, tap_x = tap[:, None, None, None], tap[:, None]
    places = ((place_y * columns + place_x) * _TAPS + tap_y) * _TAPS + tap_x
    weights = weight_y[band][:, None, :, :, None, None] * weight_x[:, None, None]
    shape = (-1, (2 * _TAPS) ** 2)
    return places.reshape(shape).int(), weights.reshape(shape).to(torch.bfloat16)


def _axis(size: int) -> tuple[Int[Tensor, "size2 3 2"], Float[Tensor, "size2 3 2"]]:
    """Along one axis: for each place of the enlarged map and tap, the two places between which it looks.

    Returns:
        The places in the small map, and their weights, which are 0 where the tap looks beyond the edge.
    """
    seen = torch.arange(2 * size)[:, None] + torch.arange(-1, 2)
    inside = (seen >= 0) & (seen < 2 * size)
    exact = seen.clamp(0, 2 * size - 1) * ((size - 1) / (2 * size - 1))
    before = exact.floor().long()
    after = (before + 1).clamp(max=size - 1)
    share = exact - before
    weights = torch.stack([1 - share, share], dim=-1) * inside[..., None]
    return torch.stack([before, after], dim=-1), weights
