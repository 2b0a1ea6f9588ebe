"""A 3 x 3 convolution of a map that was enlarged, computed on the map as it was.

Enlarging is linear, so a tap of the convolution may come before it: nine 1 x 1 convolutions of the small map
take a quarter of the products, and what is left is a weighted sum of 36 rows for each pixel, nine taps times
four corners. torch has that sum as the lookup of embeddings, in bfloat16 too.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

_BAND = 24  # rows of the small map at a time: the products of all would be 85 MB
_PIXELS = 4096  # of the large map at a time: they stay in the cache until the last layer has read them
_TAPS = 3


class EnlargedConv(nn.Module):
    """As a 1 x 1 convolution, `Double`, a 3 x 3 convolution and layers that look at one pixel, in this order.

    For inference on a CPU in bfloat16; weights of the convolutions are copied.

    Args:
        conv: the 3 x 3 convolution, of stride 1 and padded by a pixel of zeros.
        before: the 1 x 1 convolution: its weights are multiplied into the other's.
        after: the layers that follow; the large map itself is never there as a whole.
    """

    def __init__(
        self, conv: nn.Conv2d, before: nn.Conv2d | None = None, after: Iterable[nn.Module] = ()
    ) -> None:
        super().__init__()
        self.channels = conv.out_channels
        weight = conv.weight.detach().permute(2, 3, 0, 1)
        bias = weight.new_zeros(_TAPS, _TAPS, conv.out_channels)
        if conv.bias is not None:
            bias[1, 1] = conv.bias.detach()  # the middle tap is the one that no edge cuts off
        if before is not None:
            if before.bias is not None:
                bias += weight @ before.bias.detach()
            weight = weight @ before.weight.detach().flatten(1)
        weight = weight.flatten(0, 2).to(torch.bfloat16).contiguous()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight)
        self.bias = bias.flatten().to(torch.bfloat16)
        self.after = nn.Sequential(*after)

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """The large map after the last layer."""
        batch, _, rows, columns = maps.shape
        pixels = [
            self.after(sums[:, :, None, None]).flatten(1)  # each pixel as an image of its own
            for lines in maps.permute(0, 2, 3, 1).to(torch.bfloat16)
            for start in range(0, rows, _BAND)
            for sums in self._sums(lines, start, min(rows, start + _BAND))
        ]
        return torch.cat(pixels).view(batch, 2 * rows, 2 * columns, -1).permute(0, 3, 1, 2)

    def _sums(
        self, lines: Float[Tensor, "H W C"], start: int, stop: int
    ) -> Iterator[Float[Tensor, "pixels D"]]:
        """The convolution at the pixels that rows `start` to `stop` become."""
        rows, columns, width = lines.shape
        # A row beyond the band on each side: the outer taps look there.
        needed = lines[max(start - 1, 0) : stop + 1].reshape(-1, width)
        taps = torch.ops.mkldnn._linear_pointwise(needed, self.weight, self.bias, "none", [], "")
        taps = taps.view(-1, self.channels)
        places, weights = _lookup(rows, columns, start, stop)
        for some, shares in zip(places.split(_PIXELS), weights.split(_PIXELS), strict=True):
            yield F.embedding_bag(some, taps, per_sample_weights=shares, mode="sum")


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
