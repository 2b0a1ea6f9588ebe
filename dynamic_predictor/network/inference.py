"""The network over a video's pairs: each image is encoded once, pairs are decoded as they come.

Memory grows with the number of images, not of pairs: results are handed out pair by pair, and the maps that
are kept for images in several pairs have a budget.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dynamic_predictor.network.blocks import CrossAttention, Linear, SelfAttention
from dynamic_predictor.network.dpt import Conv2d, ConvTranspose2d, Dpt
from dynamic_predictor.network.model import EncodedImages, MaskSides, Network, PairPrediction
from dynamic_predictor.network.packed_linear import PackedLinear, can_pack

Precision = Literal["auto", "float32", "bfloat16"]
Edge = tuple[int, int]

_WORKING_MAPS = 4
"""How many maps of the image's size and the heads' width a pair takes while computed; 3.6 were measured."""


@dataclass(frozen=True)
class InferenceOptions:
    """How pairs are computed; none of it changes what is computed, but for rounding."""

    batch: int = 2
    """Pairs that are decoded at a time."""
    dynamic: MaskSides = "both"
    """Of which image of a pair moving things are asked for."""
    cache_bytes: int = 2**30
    """For the maps of images that take part in several pairs."""


@dataclass(frozen=True)
class MemoryForecast:
    """Expected memory of a run over pairs, in bytes, without its results.

    Args:
        weights: of the network.
        tokens: of all images: the part that grows with the video.
        maps: kept for images in several pairs.
        working: of the pairs being computed.
    """

    weights: int
    tokens: int
    maps: int
    working: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.weights + self.tokens + self.maps + self.working


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices of bfloat16 faster than of float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))


def prepare(network: Network, device: torch.device, precision: Precision = "auto") -> Network:
    """The network on a device, in the precision and the memory layout in which it is fastest there.

    In bfloat16 are the factors of matrix products and convolutions. Norms, the sums they are added to, and
    the last layer of each head stay float32: points are exponentials of what that layer puts out.

    Args:
        network: changed in place.
        device: where it will run.
        precision: `auto` is bfloat16 where the device has instructions for it.
    """
    if precision == "auto":
        precision = "bfloat16" if has_fast_bfloat16(device) else "float32"
    network = network.eval().requires_grad_(False).to(device)
    last = {id(layer) for layer in _last_layers(network)}
    packed = device.type == "cpu" and precision == "bfloat16" and can_pack()
    if packed:
        _enlarge_last(network)
    for module in network.modules():
        if not isinstance(module, Linear | nn.Conv2d | ConvTranspose2d):
            continue
        if precision == "bfloat16" and id(module) not in last:
            module.to(torch.bfloat16)
        if module.weight.dim() == 4:
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    if packed:
        _pack(network, last)
    return network


def _enlarge_last(network: Network) -> None:
    for module in list(network.modules()):
        if isinstance(module, Dpt):
            module.enlarge_last()


def _pack(network: Network, but: set[int]) -> None:
    """Bring layers into the form that is fastest on a CPU, but for those with the given ids."""
    for parent in list(network.modules()):
        if isinstance(parent, SelfAttention | CrossAttention) and isinstance(parent.proj, Linear):
            parent.put_partners_together()
        for name, child in list(parent.named_children()):
            if isinstance(child, Linear) and id(child) not in but:
                setattr(parent, name, PackedLinear(child))


def _last_layers(network: Network) -> Iterator[nn.Module]:
    for name, head in network.named_children():
        if name.startswith("downstream_head"):
            yield [module for module in head.modules() if isinstance(module, Linear | Conv2d)][-1]


def predict_pairs(
    network: Network,
    images: Sequence[Float[Tensor, "3 _ _"]],
    edges: Sequence[Edge],
    options: InferenceOptions | None = None,
) -> Iterator[tuple[int, PairPrediction]]:
    """Points, confidences and moving things of pairs of images, one pair after another.

    Args:
        network: as `prepare` returns it.
        images: RGB in [-1, 1], sides multiples of the patch; sizes may differ.
        edges: (first, second) indices of images; an image may be its own partner.
        options: how they are computed.

    Yields:
        Index of the edge and what the network says of it (B = 1), on the network's device. The order is one
        in which images are used again soon.

    Raises:
        ValueError: an edge names an image that is not there.
    """
    options = options or InferenceOptions()
    if any(not 0 <= index < len(images) for edge in edges for index in edge):
        raise ValueError(f"an edge names an image beyond the {len(images)} that there are")
    kept = _KeptImages(network, images, options)
    for batch in schedule([(image.shape[1], image.shape[2]) for image in images], edges, options.batch):
        kept.encode([index for edge in batch for index in edges[edge]])
        first = kept.stacked([edges[index][0] for index in batch], side=0)
        second = kept.stacked([edges[index][1] for index in batch], side=1)
        predicted = _decode(network, first, second, options.dynamic)
        for row, index in enumerate(batch):
            yield index, predicted.pair(row)


def forecast(
    network: Network, sizes: Sequence[tuple[int, int]], options: InferenceOptions | None = None
) -> MemoryForecast:
    """What `predict_pairs` will take, before it takes it.

    Args:
        network: as `prepare` returns it.
        sizes: height and width of each image.
        options: as for `predict_pairs`.
    """
    options = options or InferenceOptions()
    config, itemsize = network.config, network.decoder_embed.weight.itemsize
    pixels = [height * width for height, width in sizes]
    maps = len(network.dense_heads(options.dynamic)) * config.dpt.features * itemsize
    return MemoryForecast(
        weights=sum(tensor.numel() * tensor.itemsize for tensor in _weights(network)),
        tokens=sum(pixels) // config.patch**2 * config.encoder_width * itemsize,
        maps=min(options.cache_bytes, sum(pixels) // 16 * maps),
        working=options.batch * max(pixels) * config.dpt.features * itemsize * _WORKING_MAPS,
    )


def _weights(network: Network) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from (module.weight for module in network.modules() if isinstance(module, PackedLinear))


def schedule(sizes: Sequence[tuple[int, int]], edges: Sequence[Edge], batch: int) -> list[list[int]]:
    """Indices of edges in batches: of equal sizes within a batch, near images one after another.

    Args:
        sizes: of the images.
        edges: pairs of images.
        batch: edges at a time, at the most.
    """

    def shapes(index: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return sizes[edges[index][0]], sizes[edges[index][1]]

    batches: list[list[int]] = []
    for index in sorted(range(len(edges)), key=lambda index: (shapes(index), sorted(edges[index]), index)):
        if batches and len(batches[-1]) < batch and shapes(batches[-1][0]) == shapes(index):
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


class _KeptImages:
    """Tokens of all images met so far, and maps of as many of the latest as the budget allows."""

    def __init__(
        self, network: Network, images: Sequence[Float[Tensor, "3 _ _"]], options: InferenceOptions
    ) -> None:
        self._network = network
        self._images = images
        self._budget = options.cache_bytes
        heads = network.dense_heads(options.dynamic)
        self._heads = tuple(tuple(name for name in heads if name.endswith(side)) for side in "12")
        self._tokens: dict[int, EncodedImages] = {}
        self._maps: OrderedDict[tuple[int, int], EncodedImages] = OrderedDict()
        self._bytes = 0

    def encode(self, indices: Sequence[int]) -> None:
        """The images that were not met before, those of a size together."""
        for _, alike in groupby(sorted(set(indices) - self._tokens.keys(), key=self._size), key=self._size):
            new = list(alike)
            encoded = _encode(self._network, torch.stack([self._images[index] for index in new]))
            for row, index in enumerate(new):
                self._tokens[index] = EncodedImages(
                    encoded.tokens[row : row + 1], encoded.rows, encoded.columns
                )

    def _size(self, index: int) -> tuple[int, ...]:
        return tuple(self._images[index].shape)

    def stacked(self, indices: Sequence[int], side: int) -> EncodedImages:
        """The images of a batch, as first (side 0) or second (side 1) of their pairs."""
        found = [self._with_maps(index, side) for index in indices]
        return EncodedImages(
            torch.cat([one.tokens for one in found]),
            found[0].rows,
            found[0].columns,
            {name: torch.cat([one.laterals[name] for one in found]) for name in self._heads[side]},
        )

    def _with_maps(self, index: int, side: int) -> EncodedImages:
        if (index, side) in self._maps:
            self._maps.move_to_end((index, side))
            return self._maps[index, side]
        made = _laterals(self._network, self._tokens[index], self._heads[side])
        self._maps[index, side] = made
        self._bytes += _map_bytes(made)
        while self._bytes > self._budget and len(self._maps) > 1:
            self._bytes -= _map_bytes(self._maps.popitem(last=False)[1])
        return made


@torch.no_grad()
def _encode(network: Network, images: Float[Tensor, "B 3 H W"]) -> EncodedImages:
    """The tokens are kept in the dtype in which every reader takes them."""
    encoded = network.encode(images.to(network.mask_token.device))
    tokens = encoded.tokens.to(network.decoder_embed.weight.dtype)
    return EncodedImages(tokens, encoded.rows, encoded.columns)


@torch.no_grad()
def _laterals(network: Network, encoded: EncodedImages, heads: tuple[str, ...]) -> EncodedImages:
    return network.with_laterals(encoded, heads)


@torch.no_grad()
def _decode(
    network: Network, first: EncodedImages, second: EncodedImages, dynamic: MaskSides
) -> PairPrediction:
    return network.decode_pairs(first, second, dynamic)


def _map_bytes(images: EncodedImages) -> int:
    return sum(maps.nbytes for maps in images.laterals.values())
